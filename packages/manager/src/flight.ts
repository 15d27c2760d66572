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

/** Waits for `promise` until `signal` says that nobody waits any more; rejects with the signal's own reason then. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  // It may have come before there was anything to listen to.
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
