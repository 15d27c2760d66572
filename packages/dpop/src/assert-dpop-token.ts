import { OAuthError, type AuthorizationServer, type RequestOptions, type Token } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';

/**
 * Decides about the token that a request with a proof has returned. A server without DPoP ignores the proof, and issues a Bearer token,
 * which any program that gets hold of it can use.
 *
 * @param policy `true` accepts a token of type DPoP only. `'preferred'` also accepts another one, and tells `onEvent`.
 * @param options `onEvent` receives `token_not_bound`
 * @throws {OAuthError} `unsupported_token_type`
 * @throws {TypeError} if `policy` is neither `true` nor `'preferred'`
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-5
 */
export function assertDpopToken(
  server: AuthorizationServer,
  token: Pick<Token, 'token_type'>,
  policy: true | 'preferred',
  options: Pick<RequestOptions, 'onEvent'> = {},
): void {
  if (policy !== true && policy !== 'preferred') throw new TypeError("The policy must be true or 'preferred'.");
  if (token.token_type.toLowerCase() === 'dpop') return;
  const { issuer } = server;
  if (policy === 'preferred') options.onEvent?.({ type: 'token_not_bound', issuer });
  else
    throw new OAuthError(
      'unsupported_token_type',
      `${toErrorText(issuer, 200)} issued a token that is not bound to the DPoP key, so it is not used. Register the client for DPoP (RFC 9449 section 5.2), or set \`dpop\` to 'preferred' to accept Bearer tokens.`,
    );
}
