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
