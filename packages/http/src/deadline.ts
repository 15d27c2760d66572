import { OAuthError, type RequestOptions } from '@oa/types';

const DEFAULT_TIMEOUT = 30_000;
/** A longer delay makes `setTimeout` fire at once. */
const LONGEST_TIMEOUT = 2_147_483_647;
/** Milliseconds at the end of the timeout that are counted on their own. */
const LAST_LOOK = 250;

/** What is left of the caller's patience. */
export interface Patience {
  signal: AbortSignal;
  /** Milliseconds until the timeout. */
  left(): number;
}

/**
 * Runs `work` under the caller's `timeout` and `signal`. Both end the call at any stage, even where an injected `fetch` ignores
 * its signal: the signal with its own reason, the timeout with the code `timeout`.
 */
export async function withPatience<T>(
  options: RequestOptions,
  name: string,
  work: (patience: Patience) => Promise<T>,
): Promise<T> {
  const timeout = checkedTimeout(options.timeout);
  const { signal } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const end = performance.now() + timeout;
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error));
  });
  const abort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  // Two timers: after the event loop was blocked a single one would fire before an answer that has long arrived is read, and
  // with it a new refresh token would be lost.
  const lastLook = Math.min(LAST_LOOK, timeout / 2);
  let timer = setTimeout(() => {
    timer = setTimeout(() => controller.abort(timedOut(name, timeout)), lastLook);
  }, timeout - lastLook);
  try {
    return await Promise.race([work({ signal: controller.signal, left: () => end - performance.now() }), ended]);
  } catch (error) {
    // Closes the connection of an exchange that was given up halfway.
    controller.abort();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Waits, and rejects with the signal's reason as soon as it aborts. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}

function checkedTimeout(timeout: number = DEFAULT_TIMEOUT): number {
  if (typeof timeout === 'number' && timeout > 0 && timeout <= LONGEST_TIMEOUT) return timeout;
  throw new TypeError(`options.timeout must be a number of milliseconds from 1 to ${LONGEST_TIMEOUT}`);
}

function timedOut(name: string, timeout: number): OAuthError {
  return new OAuthError('timeout', `${name} did not answer completely within ${timeout / 1000} s. Try again later.`, {
    retryable: true,
  });
}
