import { abortable, MAX_TIMER_MS, sleep, startTimeout } from '@oa/mechanisms';
import { OAuthError, type RequestOptions } from '@oa/types';

const DEFAULT_TIMEOUT_MS = 30_000;
/** The error does not wait longer for its hint, which is loaded from the disk of a process that may be busy. */
const MAX_HINT_DELAY_MS = 100;

/** The time that a call has left. */
export interface Deadline {
  /** Aborts at the timeout, and when the caller's signal aborts. */
  signal: AbortSignal;
  /** Milliseconds until the timeout. */
  left(): number;
  /**
   * Called right before a request is sent. One that is sent too late, because the process was stopped, would be given up before its answer.
   *
   * @throws {OAuthError} `timeout`
   */
  assertTimeLeft(): void;
  /** Whether a request may have reached the server. The work keeps it up to date, for the error of the timeout. */
  sent: boolean;
}

/** What the error of the timeout says. */
export interface DeadlineText {
  /** How errors name the endpoint. */
  name: string;
  /** Makes a sentence that starts with a space, or an empty text. It must not reject. */
  hint: () => Promise<string>;
}

/**
 * Runs `work` under the caller's `timeout` and `signal`. Both end the call at any stage, even if an injected `fetch` ignores its signal.
 *
 * @throws {OAuthError} `timeout`, or what `work` throws
 * @throws {TypeError} if `options.timeout` is not a number of milliseconds
 * @throws the reason of `options.signal` when it aborts
 */
export async function withDeadline<T>(
  options: RequestOptions,
  { name, hint }: DeadlineText,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const { signal, timeout = DEFAULT_TIMEOUT_MS } = options;
  assertTimeout(timeout);
  signal?.throwIfAborted();
  const controller = new AbortController();
  const end = performance.now() + timeout;
  const onAbort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  const left = (): number => end - performance.now();
  const assertTimeLeft = (): void => {
    if (left() <= 0) throw timeoutError(name, timeout, deadline.sent, '');
  };
  const deadline: Deadline = { signal: controller.signal, left, assertTimeLeft, sent: false };
  const onTimeout = async (): Promise<void> => {
    // The call may end in the meantime.
    const late = sleep(MAX_HINT_DELAY_MS, controller.signal).catch(() => undefined);
    const text = await Promise.race([hint(), late]);
    controller.abort(timeoutError(name, timeout, deadline.sent, text ?? ''));
  };
  const cancel = startTimeout(() => void onTimeout(), timeout);
  try {
    return await abortable(work(deadline), controller.signal);
  } catch (error) {
    // Closes the connection of an unfinished exchange.
    controller.abort();
    throw error;
  } finally {
    cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

function assertTimeout(timeout: number): void {
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout <= MAX_TIMER_MS))
    throw new TypeError(`options.timeout must be a number of milliseconds from 1 to ${MAX_TIMER_MS}.`);
}

function timeoutError(name: string, timeout: number, sent: boolean, hint: string): OAuthError {
  return new OAuthError(
    'timeout',
    `${name} did not answer completely within ${roundSeconds(timeout)} seconds.${hint} Try again later.`,
    { retryable: true, sent },
  );
}

/** The rest of a timeout that several requests share is an odd number of milliseconds. */
function roundSeconds(milliseconds: number): number {
  return milliseconds < 10_000 ? Math.max(0.1, Math.round(milliseconds / 100) / 10) : Math.round(milliseconds / 1000);
}
