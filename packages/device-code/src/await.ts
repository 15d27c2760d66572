import { sleep } from '@oa/mechanisms';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { isOAuthError, OAuthError, type AuthorizationServer, type Client, type Token } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import type { DeviceLogin } from './device-login.ts';
import { deviceLoginText } from './text.ts';

/** The options of {@link awaitDeviceLogin}. */
export interface DeviceLoginOptions extends TokenEndpointOptions {
  /**
   * Shows a text to the user: the address and the code. A program whose own user interface shows the event `device_waiting` passes a
   * function that does nothing.
   *
   * @default writes to stderr
   */
  print?: ((text: string) => unknown) | undefined;
}

/** The errors of a server that works as it should. */
const PENDING_ERRORS: ReadonlySet<string | undefined> = new Set(['authorization_pending', 'slow_down']);
/** RFC 8628 section 3.5. */
const SLOW_DOWN_SECONDS = 5;
/** The wait for a server that can't be reached grows up to this. */
const MAX_BACKOFF_SECONDS = 60;

/**
 * Shows the code and polls the server until the user has finished the login on the other device.
 *
 * `slow_down` adds 5 seconds to every later interval. After an error that may pass (no connection, a timeout, 503) the wait doubles, up to
 * a minute, until the server answers again. A longer `Retry-After` is respected.
 *
 * @param started what `startDeviceLogin` returned
 * @param options `timeout` is that of each request, in milliseconds.
 * @returns the token, with `expires_at` in seconds since the epoch. Where the server names no scope, it has the requested one.
 * @throws {OAuthError} `login_timeout` if the code has expired; `oauth_error` (`access_denied`, `expired_token`, ...), `http_error`,
 *   `invalid_response`, `unsupported_token_type`, `endpoint_missing`, `unsupported_client_authentication`, `insecure_url`,
 *   `redirect_refused`, `response_too_large`, `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if `started` is not what `startDeviceLogin` returned, or if an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc8628#section-3.3
 * @see https://www.rfc-editor.org/rfc/rfc8628#section-3.5
 */
export async function awaitDeviceLogin(
  server: AuthorizationServer,
  client: Client,
  started: DeviceLogin,
  options: DeviceLoginOptions = {},
): Promise<Token> {
  if (typeof started?.device_code !== 'string' || !(started.interval > 0) || !(started.expires_at > 0))
    throw new TypeError('started must be what startDeviceLogin returned.');
  options.signal?.throwIfAborted();
  await showCode(started, options);
  const { requestToken } = await import('@oa/token-endpoint');
  const parameters = { grant_type: DEVICE_CODE_GRANT_TYPE, device_code: started.device_code };
  let intervalSeconds = started.interval;
  let backoffFactor = 1;
  let retryAfterSeconds = 0;
  let failure: OAuthError | undefined;
  for (;;) {
    const seconds = Math.max(backOff(intervalSeconds, backoffFactor), retryAfterSeconds);
    if (!(await waitForPoll(started, seconds, options))) throw deviceTimeoutError(started, failure);
    try {
      const token = await requestToken(server, client, parameters, options);
      return started.scope === undefined ? token : { scope: started.scope, ...token };
    } catch (error) {
      const refusal = assertTemporary(error);
      if (refusal.error === 'slow_down') {
        intervalSeconds += SLOW_DOWN_SECONDS;
        options.onEvent?.({ type: 'device_slow_down', interval: intervalSeconds });
      }
      failure = PENDING_ERRORS.has(refusal.error) ? undefined : refusal;
      backoffFactor = failure === undefined ? 1 : backoffFactor * 2;
      retryAfterSeconds = refusal.retryAfter ?? 0;
    }
  }
}

async function showCode(started: DeviceLogin, options: DeviceLoginOptions): Promise<void> {
  const { print = (text) => process.stderr.write(text), onEvent } = options;
  // Only a terminal has columns.
  print(await deviceLoginText(started, { columns: process.stderr.columns }));
  const { user_code, verification_uri, verification_uri_complete, expires_in, interval } = started;
  onEvent?.({
    type: 'device_waiting',
    user_code,
    verification_uri,
    ...(verification_uri_complete !== undefined && { verification_uri_complete }),
    expires_in,
    interval,
  });
}

/** Throws an error that ends the login. RFC 8628 section 3.5: that is any but "not yet" and "slow down". */
function assertTemporary(error: unknown): OAuthError {
  if (isOAuthError(error) && (PENDING_ERRORS.has(error.error) || error.retryable)) return error;
  throw error;
}

function backOff(intervalSeconds: number, factor: number): number {
  return Math.max(intervalSeconds, Math.min(intervalSeconds * factor, MAX_BACKOFF_SECONDS));
}

/** Waits `seconds`, or until the code expires. Then it returns `false`. */
async function waitForPoll(started: DeviceLogin, seconds: number, options: DeviceLoginOptions): Promise<boolean> {
  const leftMs = started.expires_at * 1000 - (options.now ?? Date.now)();
  await sleep(Math.max(0, Math.min(seconds * 1000, leftMs)), options.signal);
  return seconds * 1000 < leftMs;
}

/** While the server can't be reached, it is not known whether the user has entered the code. */
function deviceTimeoutError(started: DeviceLogin, failure: OAuthError | undefined): OAuthError {
  const problem =
    failure === undefined
      ? `You did not enter the code within ${started.expires_in} seconds.`
      : `The code expired after ${started.expires_in} seconds, and the last question for the token failed. ${failure.message}`;
  return new OAuthError('login_timeout', `${problem} Log in again to get a new code.`);
}
