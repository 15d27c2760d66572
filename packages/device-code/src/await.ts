import {
  isOAuthError,
  OAuthError,
  type AuthorizationServer,
  type Client,
  type OAuthEvent,
  type Token,
} from '@oa/types';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import type { DeviceLogin } from './start.ts';
import { deviceLoginText } from './text.ts';

/** How a person is told, besides the options of each request. */
export interface DeviceLoginOptions extends TokenEndpointOptions {
  /**
   * Shows a text to the person: where to go, and the code. It goes to stderr unless said otherwise. A program whose own
   * user interface shows what `onEvent` tells passes a function that does nothing.
   */
  print?: (text: string) => unknown;
}

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
/** What a server says that works as it should. */
const ANSWERS: ReadonlySet<string | undefined> = new Set(['authorization_pending', 'slow_down']);
/** Seconds. RFC 8628 section 3.5. */
const SLOW_DOWN = 5;
/** Seconds. The back-off of a server that can't be reached goes no further. */
const LONGEST_BACKOFF = 60;
/** Milliseconds. A longer delay makes `setTimeout` fire at once: a server that asks for long intervals would be polled without any. */
const LONGEST_SLEEP = 2_147_483_647;

/**
 * Shows the code and polls until the person is done on the other device.
 *
 * `slow_down` adds 5 seconds to every later interval. What may pass (no connection, a timeout, 503) doubles the wait until
 * the server answers again, and `Retry-After` is kept. `timeout` is that of each request.
 *
 * Ends in `login_timeout` when the code has expired, `oauth_error` (`access_denied`, `expired_token`, ...), or another
 * final code of `requestToken`. An abort rejects with the signal's reason.
 *
 * @see RFC 8628 sections 3.3 to 3.5
 */
export async function awaitDeviceLogin(
  server: AuthorizationServer,
  client: Client,
  started: DeviceLogin,
  options: DeviceLoginOptions = {},
): Promise<Token> {
  if (typeof started?.device_code !== 'string' || !(started.interval > 0) || !(started.expires_at > 0))
    throw new TypeError('started has to be what startDeviceLogin resolved to');
  options.signal?.throwIfAborted();
  await show(started, options);
  const { requestToken } = await import('@oa/token-endpoint');
  const request = { grant_type: DEVICE_CODE, device_code: started.device_code };
  let interval = started.interval;
  let backoff = 1;
  let retryAfter = 0;
  for (;;) {
    await nextPoll(started, Math.max(backedOff(interval, backoff), retryAfter), options);
    try {
      return await requestToken(server, client, request, options);
    } catch (error) {
      const refusal = passing(error);
      if (refusal.error === 'slow_down') {
        interval += SLOW_DOWN;
        options.onEvent?.({ type: 'device_slow_down', interval });
      }
      backoff = ANSWERS.has(refusal.error) ? 1 : backoff * 2;
      retryAfter = refusal.retryAfter ?? 0;
    }
  }
}

async function show(started: DeviceLogin, options: DeviceLoginOptions): Promise<void> {
  const { print = (text) => process.stderr.write(text), onEvent } = options;
  // Only a terminal has columns.
  print(await deviceLoginText(started, { columns: process.stderr.columns }));
  const { user_code, verification_uri, verification_uri_complete, expires_in, interval } = started;
  const complete = verification_uri_complete === undefined ? {} : { verification_uri_complete };
  const event: OAuthEvent = { type: 'device_waiting', user_code, verification_uri, ...complete, expires_in, interval };
  onEvent?.(event);
}

/** Everything but "not yet" and "not now" is final (RFC 8628 section 3.5), and thrown. */
function passing(error: unknown): OAuthError {
  if (isOAuthError(error) && (ANSWERS.has(error.error) || error.retryable)) return error;
  throw error;
}

function backedOff(interval: number, backoff: number): number {
  return Math.max(interval, Math.min(interval * backoff, LONGEST_BACKOFF));
}

/** Waits `seconds`, and ends when the code does. */
async function nextPoll(started: DeviceLogin, seconds: number, options: DeviceLoginOptions): Promise<void> {
  const left = started.expires_at * 1000 - (options.now ?? Date.now)();
  await sleep(Math.max(0, Math.min(seconds * 1000, left)), options.signal);
  if (seconds * 1000 < left) return;
  throw new OAuthError(
    'login_timeout',
    `Nobody entered the code within ${started.expires_in} seconds. Start again with a new one.`,
  );
}

async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      },
      Math.min(milliseconds, LONGEST_SLEEP),
    );
    signal?.addEventListener('abort', abort, { once: true });
  });
}
