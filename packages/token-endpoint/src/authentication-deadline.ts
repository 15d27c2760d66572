import type { AuthenticationOption } from '@oa/client-authentication';
import { abortable, MAX_TIMER_MS, startTimeout } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';

/** That of a request without `timeout`. */
const DEFAULT_AUTHENTICATION_MS = 30_000;

/**
 * Ends a function that authenticates the client when the time of the call is over: it can ask a key management service, or a platform for an
 * assertion. Its `signal` aborts then, and also when that of the call aborts.
 *
 * @param remainingMs returns the milliseconds that the call has left
 */
export function withinDeadline(
  authentication: AuthenticationOption | undefined,
  remainingMs: () => number | undefined,
): AuthenticationOption | undefined {
  if (typeof authentication !== 'function') return authentication;
  return async (request) => {
    const { signal } = request;
    signal?.throwIfAborted();
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    const wait = waitMs(remainingMs());
    const start = performance.now();
    const cancel = startTimeout(() => controller.abort(authenticationTimeout()), wait);
    try {
      const authenticating = authentication({ ...request, signal: controller.signal });
      const authenticated = await abortable(Promise.resolve(authenticating), controller.signal);
      // The process was stopped meanwhile. A request that is sent now would be given up before its answer.
      if (performance.now() - start >= wait) throw authenticationTimeout();
      return authenticated;
    } finally {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  };
}

/** A wrong timeout is refused by the request itself. */
function waitMs(timeout: number | undefined): number {
  return typeof timeout === 'number' && timeout > 0 ? Math.min(timeout, MAX_TIMER_MS) : DEFAULT_AUTHENTICATION_MS;
}

function authenticationTimeout(): OAuthError {
  return new OAuthError(
    'timeout',
    'The option `authentication` did not authenticate the client in time. Check what its function waits for, and try again later.',
    { retryable: true, sent: false },
  );
}
