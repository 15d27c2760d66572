const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** All work of the process shares one listener for each signal: fifty refreshes at once are no leak of listeners. */
let working = 0;
let received: NodeJS.Signals | undefined;

/**
 * Sees `work` through: a signal that would end the process is held back until the answer of the server is on disk, and
 * takes its course then. A second signal takes its course at once. Where the program listens for the signal itself, it decides.
 */
export async function deferSignals<T>(work: () => Promise<T>): Promise<T> {
  if (working === 0) {
    received = undefined;
    for (const signal of SIGNALS) process.on(signal, hold);
  }
  working += 1;
  try {
    return await work();
  } finally {
    working -= 1;
    if (working === 0) release();
  }
}

function hold(signal: NodeJS.Signals): void {
  if (received !== undefined) release();
  received = signal;
}

function release(): void {
  for (const signal of SIGNALS) process.off(signal, hold);
  if (received !== undefined && process.listenerCount(received) === 0) process.kill(process.pid, received);
}
