import type { Token } from '@oa/types';
import type { Context, Flight } from './context.ts';

/**
 * One `work` per key at a time in this process; everybody who asks meanwhile shares its outcome. A caller's abort ends
 * that caller's wait. The work itself is aborted when nobody waits for it any more.
 */
export async function shared(
  context: Context,
  key: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Token>,
): Promise<Token> {
  await abandonedToEnd(context, key, signal);
  const flight = context.flights.get(key) ?? start(context, key, work);
  flight.waiting += 1;
  try {
    return await abortable(flight.promise, signal);
  } finally {
    flight.waiting -= 1;
    if (flight.waiting === 0 && signal?.aborted) flight.controller.abort(signal.reason);
  }
}

function start(context: Context, key: string, work: (signal: AbortSignal) => Promise<Token>): Flight {
  const controller = new AbortController();
  const promise = work(controller.signal).finally(() => context.flights.delete(key));
  const flight = { promise, waiting: 0, controller };
  context.flights.set(key, flight);
  return flight;
}

/** Work that its callers have left may still have a request under way: the next one starts when that has been seen through. */
async function abandonedToEnd(context: Context, key: string, signal: AbortSignal | undefined): Promise<void> {
  for (let flight = context.flights.get(key); flight?.controller.signal.aborted; flight = context.flights.get(key)) {
    await abortable(Promise.allSettled([flight.promise]), signal);
  }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Sees `work` through: a signal that would end the process is held back until the answer of the server is on disk, and
 * takes its course then. A second signal takes its course at once. Where the program listens for the signal itself, it decides.
 */
export async function uninterrupted<T>(work: () => Promise<T>): Promise<T> {
  const signals: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
  let received: NodeJS.Signals | undefined;
  const release = (): void => {
    for (const signal of signals) process.off(signal, hold);
    if (received !== undefined && process.listenerCount(received) === 0) process.kill(process.pid, received);
  };
  const hold = (signal: NodeJS.Signals): void => {
    if (received !== undefined) release();
    received = signal;
  };
  for (const signal of signals) process.on(signal, hold);
  try {
    return await work();
  } finally {
    release();
  }
}
