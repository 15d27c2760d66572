import { isOAuthError, type OAuthEvent, type TokenSource } from '@oa/types';
import { sendAuthorized, type OutgoingCall } from './authorized-request.ts';
import { assertHttp, assertSecureOrigin, parseOrigins } from './origins.ts';
import { isProofRefused, optionsAfterRefusal, type NextTokenOptions } from './refusal.ts';
import { copyRequest, type CopiedRequest, type FetchInit, type FetchInput } from './replay.ts';
import { createTokenReader, type UsableToken } from './usable-token.ts';

/** The options of {@link createFetch}. */
export interface FetchOptions {
  /**
   * Must drop the `Authorization` header on a redirect to another origin, as the platform's `fetch` does, and follow no redirect where
   * `redirect` is `manual`.
   *
   * @default globalThis.fetch
   */
  fetch?: typeof globalThis.fetch | undefined;
  /**
   * The only origins that receive the token, such as `["https://api.example"]`. Other requests are sent without it.
   *
   * @default the origin of the first request
   */
  origins?: readonly string[] | undefined;
  /**
   * Which token the first try of a request carries. `obtained`: one is obtained where none is stored, with a login if it must be. `stored`:
   * only a token that is stored already. Without one the request is sent without a token, and an answer other than 401 is the answer. The
   * challenge of a 401 then says which token is obtained: an open resource needs none, and a protected one says where its metadata is.
   *
   * @default 'obtained'
   */
  first?: 'obtained' | 'stored' | undefined;
  /**
   * Receives `not_replayed` (a request was refused, and could not be sent a second time) and `not_renewed` (a request was refused, and
   * the source has no other token).
   */
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}

/**
 * Creates a `fetch` that adds `Authorization: Bearer` with a token of `source`, or `Authorization: DPoP` and a proof for a token of type DPoP
 * that has its key in `dpop_key`. It sends a request a second time, with another token,
 * after every 401 but one with `insufficient_scope`, and after an `insufficient_scope` that names the missing scopes. After an
 * `insufficient_user_authentication` the source is asked for a new login, with the `acr_values` and the `max_age` of the challenge.
 *
 * - The token goes to `origins` only, and without them only to the origin of the first request. A redirect to another origin drops it.
 *   A request that has its own `Authorization` header is not changed.
 * - With a DPoP token a redirect within the origin is followed with another proof, since a proof is for one URL. A browser does not show
 *   where a redirect leads to, so `redirect_refused` is the outcome there.
 * - A proof that the resource server refuses with `use_dpop_nonce` is made once more with its nonce, and one that it refuses for a wrong
 *   clock once more by its clock. The nonces are kept for each origin, in memory.
 * - The arguments are copied when the call is made, as `fetch` copies them.
 * - A body that is a stream is sent once, and so is a request other than a GET or HEAD that was redirected. The caller receives the 401, `onEvent` a `not_replayed`, and the next request asks `source`
 *   for another token. The body of a `Request` object is kept in memory until the response arrives.
 * - `source` receives the `WWW-Authenticate` header of the refusal.
 * - If `source` has no other token, the caller receives the response of the resource server with its body unread, and `onEvent` a
 *   `not_renewed`. Only a 401 with `invalid_token` or `insufficient_user_authentication` may start a login: after every other one `source`
 *   is called with `interaction: 'never'`.
 * - The promise of the created function rejects as `fetch` does (after an abort with the signal's own reason), with the error of
 *   `source` for the first token, and with the `OAuthError`s `insecure_url` (plain http to a host that is not loopback, or a URL that is not http), `unsupported_token_type`,
 *   `redirect_refused` and `invalid_response` (a token that can't be written into a header).
 *
 * @example
 * ```ts
 * const fetch = createFetch(manager.source('https://as.example', credentials), { origins: ['https://api.example'] });
 * const response = await fetch('https://api.example/v1/things');
 * ```
 *
 * @throws {TypeError} if `source` is not a function, or if `options.origins` is not an array of origins
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-7.1
 * @see https://www.rfc-editor.org/rfc/rfc9470#section-4
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
 */
export function createFetch(source: TokenSource, options: FetchOptions = {}): typeof globalThis.fetch {
  if (typeof source !== 'function') throw new TypeError('source must be a function that resolves to a token.');
  const { first = 'obtained' } = options;
  if (first !== 'obtained' && first !== 'stored') throw new TypeError("options.first must be 'obtained' or 'stored'.");
  let origins = parseOrigins(options.origins);
  const obtainToken = createTokenReader(source);
  /** What the source is asked for next, since a server refused a request that could not be sent a second time. */
  let pending: NextTokenOptions | undefined;

  /** Resolves to a token, or to `undefined` if the source has no other token than the refused one. */
  async function obtainNextToken(
    signal: Signal,
    next: NextTokenOptions,
    origin: string,
  ): Promise<UsableToken | undefined> {
    try {
      return await obtainToken(signal, next);
    } catch (error) {
      // The answer of the resource server says more than "no other token". It may have refused the token for another reason.
      if (!isOAuthError(error) || signal?.aborted === true) throw error;
      options.onEvent?.({ type: 'not_renewed', origin, code: error.code, message: error.message });
      return undefined;
    }
  }

  /** Resolves to `undefined` if the request is to be sent without a token. */
  async function obtainFirstToken(signal: Signal, origin: string): Promise<UsableToken | undefined> {
    const asked = pending;
    const other = asked && (await obtainNextToken(signal, asked, origin));
    const token = other ?? (first === 'stored' ? await obtainStoredToken(signal) : await obtainToken(signal, {}));
    // A source that still returns the refused token is asked for another one again.
    if (token?.access_token !== asked?.rejected && pending === asked) pending = undefined;
    return token;
  }

  async function obtainStoredToken(signal: Signal): Promise<UsableToken | undefined> {
    try {
      return await obtainToken(signal, { stored: true });
    } catch (error) {
      if (!isOAuthError(error) || error.code !== 'login_required') throw error;
      return undefined;
    }
  }

  return async function fetchWithToken(input: FetchInput, init: FetchInit = {}): Promise<Response> {
    const send = options.fetch ?? globalThis.fetch;
    const request = typeof input === 'string' || input instanceof URL ? undefined : input;
    const url = new URL(typeof input === 'string' || input instanceof URL ? input : input.url);
    const headers = new Headers(init.headers ?? request?.headers);
    if (headers.has('authorization')) return send(input, init);
    assertHttp(url);
    if (origins?.has(url.origin) === false) return send(input, init);
    assertSecureOrigin(url);
    origins ??= new Set([url.origin]);

    const copy = copyRequest(input, init);
    const { signal } = copy;
    const { origin } = url;
    const onNotReplayed = (): void => options.onEvent?.({ type: 'not_replayed', origin });
    const call: OutgoingCall = { copy, url, headers, fetch: send, onNotReplayed };
    try {
      const token = await obtainFirstToken(signal, origin);
      const response = await sendAuthorized(call, token);
      const next = isAboutToken(response, url, token) ? optionsAfterRefusal(response, token?.access_token) : undefined;
      if (next === undefined) return response;
      if (!copy.canReplay || isRedirectedWrite(response, copy.method)) {
        pending = next;
        onNotReplayed();
        return response;
      }
      const nextToken = await obtainNextToken(signal, next, origin);
      if (nextToken === undefined || nextToken.access_token === token?.access_token) return response;
      await response.body?.cancel();
      return await sendAuthorized(call, nextToken);
    } finally {
      copy.release();
    }
  };
}

type Signal = CopiedRequest['signal'];

/**
 * Whether a refusal in the response can be about the token. After a redirect the other origin did not receive the token. A refused proof was
 * answered already where another one could help.
 */
function isAboutToken(response: Response, url: URL, token: UsableToken | undefined): boolean {
  return !isFromOtherOrigin(response, url) && !(token?.dpop !== undefined && isProofRefused(response));
}

function isFromOtherOrigin(response: Response, { origin }: URL): boolean {
  return response.url !== '' && new URL(response.url).origin !== origin;
}

/** The first target of the redirect may have done the work already. */
function isRedirectedWrite(response: Response, method: string): boolean {
  return response.redirected && method !== 'GET' && method !== 'HEAD';
}
