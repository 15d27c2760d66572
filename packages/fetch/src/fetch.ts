import type { OAuthEvent, TokenSource } from '@oa/types';
import { attempts } from './attempts.ts';
import { needAfter, type Need } from './challenge.ts';
import { assertSecure, readOrigins } from './origins.ts';
import { bearerToken } from './token.ts';

/** What {@link createFetch} takes besides the source. */
export interface FetchOptions {
  /** Used instead of the global `fetch`. It has to drop `Authorization` on cross-origin redirects, as the platform's does. */
  fetch?: typeof globalThis.fetch | undefined;
  /** The only origins that get the token, such as `["https://api.example"]`. Requests to others are sent without it. */
  origins?: readonly string[] | undefined;
  /** Told of a refusal that could not be followed by a second request (`not_replayed`). */
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}

type Input = Parameters<typeof globalThis.fetch>[0];
type Init = Parameters<typeof globalThis.fetch>[1];

/**
 * A `fetch` that adds `Authorization: Bearer` with a token of `source` (RFC 6750 section 2.1), and sends a request once
 * more, with another token, when the answer is a 401 with `invalid_token` or without an error code, or `insufficient_scope`
 * with the scopes that are missing.
 *
 * - The token goes to the origin that the caller names in the request and, if `origins` is given, only to those. A
 *   redirect to another origin loses it. A request that already has an `Authorization` header is left as it is.
 * - A body that is a stream is sent once: the caller gets the 401, `onEvent` a `not_replayed`, and the next request
 *   asks `source` for another token. The body of a `Request` object is kept in memory until the answer is there.
 * - Rejects as `fetch` does (after an abort with the signal's own reason), with whatever `source` rejects with, and with
 *   an `OAuthError`: `insecure_url` for plain http to a host that is not loopback, `unsupported_token_type` for a token
 *   that is not a Bearer token, `invalid_response` for one that can't be written into a header.
 */
export function createFetch(source: TokenSource, options: FetchOptions = {}): typeof globalThis.fetch {
  if (typeof source !== 'function') throw new TypeError('source must be a function that resolves to a token');
  const origins = readOrigins(options.origins);
  /** What a server wanted of a request that could not be sent again. */
  let owed: Need = {};

  return async function fetchWithToken(input: Input, init?: Init): Promise<Response> {
    const send = options.fetch ?? globalThis.fetch;
    const request = typeof input === 'string' || input instanceof URL ? undefined : input;
    const { origin } = new URL(typeof input === 'string' || input instanceof URL ? input : input.url);
    const headers = new Headers(init?.headers ?? request?.headers);
    if (headers.has('authorization') || origins?.has(origin) === false) return send(input, init);
    assertSecure(origin);

    const signal = init?.signal ?? request?.signal;
    const token = await bearerToken(source, signal, owed);
    if (token !== owed.rejected) owed = {};
    const { first, again, release } = attempts(input, init);
    try {
      const response = await send(first, { ...init, headers: withToken(headers, token) });
      const need = isElsewhere(response, origin) ? undefined : needAfter(response, token);
      if (need === undefined) return response;
      if (again === undefined) {
        owed = need;
        options.onEvent?.({ type: 'not_replayed', origin });
        return response;
      }
      const next = await bearerToken(source, signal, need);
      if (next === token) return response;
      await response.body?.cancel();
      return await send(again, { ...init, headers: withToken(headers, next) });
    } finally {
      release();
    }
  };
}

function withToken(headers: Headers, token: string): Headers {
  const authorized = new Headers(headers);
  authorized.set('authorization', `Bearer ${token}`);
  return authorized;
}

/** An origin that a redirect led to never saw the token: its refusal says nothing about it. */
function isElsewhere(response: Response, origin: string): boolean {
  return response.url !== '' && new URL(response.url).origin !== origin;
}
