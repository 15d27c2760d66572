import { readJson, request, type HttpResponse } from '@oa/http';
import { OAuthError, type AuthorizationServer, type RequestOptions, type Token } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { hasIdToken, invalidIdToken, parseIdToken } from './id-token.ts';

/**
 * What a server says about a user, with every claim that it sent.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
 */
export interface UserInfo {
  /** The user: unique within the server, and never assigned to another user. */
  sub: string;
  [claim: string]: unknown;
}

/**
 * Asks the server who the user of an access token is. The scopes of the token decide what it answers: `profile`, `email` and others.
 *
 * A token of type DPoP with its key, in `dpop_key`, is sent with a proof.
 *
 * If `token` has an ID token, the answer must be about the same user. The ID token may be expired.
 *
 * @returns the claims of the user
 * @throws {OAuthError} `endpoint_missing` if the server has no `userinfo_endpoint`; `invalid_id_token` if the answer is about another user
 *   than the ID token, or if that can't be read; `http_error` or `oauth_error` if the server refuses the token; `insecure_url`,
 *   `network_error`, `timeout`, `redirect_refused`, `response_too_large`, `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if `token.access_token` can't be written into a header, or if `token.dpop_key` or an option is wrong
 * @throws the reason of `options.signal` when it aborts
 * @see https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
 *
 * @example
 * ```ts
 * const { sub, email } = await userInfo(server, token);
 * ```
 */
export async function userInfo(
  server: AuthorizationServer,
  token: Token,
  options: RequestOptions = {},
): Promise<UserInfo> {
  if (typeof token?.access_token !== 'string' || !/^[\x21-\x7e]+$/.test(token.access_token))
    throw new TypeError('token.access_token must be a string of printable ASCII characters without spaces.');
  const url = server.userinfo_endpoint;
  if (url === undefined)
    throw new OAuthError(
      'endpoint_missing',
      `${toErrorText(server.issuer, 200)} names no userinfo_endpoint. It tells nothing about users there.`,
    );
  const expected = hasIdToken(token) ? parseIdToken(token).claims['sub'] : undefined;
  const { userInfoSchema } = await import('./schemas.ts');
  const claims = await readJson(await requestUserInfo(url, token, options), userInfoSchema);
  if (hasIdToken(token) && claims.sub !== expected)
    throw invalidIdToken(
      'The server answered about another user than the one of the ID token (OpenID Connect Core section 5.3.2). The answer is not used. Log in again.',
    );
  return claims;
}

async function requestUserInfo(url: string, token: Token, options: RequestOptions): Promise<HttpResponse> {
  const { access_token, token_type, dpop_key } = token;
  if (!/^dpop$/i.test(token_type) || dpop_key === undefined)
    return request('GET', url, { ...options, headers: { authorization: `Bearer ${access_token}` } });
  const { requestProvenUserInfo } = await import('./proven-user-info.ts');
  return requestProvenUserInfo(url, access_token, dpop_key, options);
}
