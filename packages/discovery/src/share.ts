type Job<T> = { result: Promise<T>; controller: AbortController; waiting: number };

/** Runs the same work once for all who ask for it at the same time. */
export type Share<T> = (
  key: string,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
) => Promise<T>;

/** The caller's signal ends only that caller's wait; the work is aborted when nobody waits any more. */
export function createShare<T>(): Share<T> {
  const running = new Map<string, Job<T>>();

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Job<T> {
    const controller = new AbortController();
    const job = { result: work(controller.signal), controller, waiting: 0 };
    running.set(key, job);
    return job;
  }

  return async (key, work, signal) => {
    signal?.throwIfAborted();
    const job = running.get(key) ?? start(key, work);
    job.waiting += 1;
    try {
      return await untilAborted(job.result, signal);
    } finally {
      job.waiting -= 1;
      // Everybody has the result, or has given up.
      if (job.waiting === 0) {
        running.delete(key);
        job.controller.abort();
      }
    }
  };
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
