const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** All deferring work of the process shares one listener for each signal, so that fifty refreshes at once are no leak of listeners. */
let running = 0;
let received: NodeJS.Signals | undefined;

/**
 * Runs `work` to its end before a signal ends the process. SIGTERM, SIGINT and SIGHUP are held back, so that the answer of the server is
 * on disk first, and are sent again afterwards. A second signal takes effect at once. Where the program listens for the signal
 * itself, the program decides.
 */
export async function deferSignals<T>(work: () => Promise<T>): Promise<T> {
  if (running === 0) {
    received = undefined;
    for (const signal of SIGNALS) process.on(signal, holdBack);
  }
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    if (running === 0) sendAgain();
  }
}

function holdBack(signal: NodeJS.Signals): void {
  if (received !== undefined) sendAgain();
  received = signal;
}

function sendAgain(): void {
  for (const signal of SIGNALS) process.off(signal, holdBack);
  if (received !== undefined && process.listenerCount(received) === 0) process.kill(process.pid, received);
}
