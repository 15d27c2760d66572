import type { AuthorizationServer, RequestOptions } from '@oa/types';

/** The options of {@link readIdToken}. */
export interface ReadIdTokenOptions extends RequestOptions {
  /** The server that the token came from. */
  server: AuthorizationServer;
  /** The client that the token was issued to. */
  client_id: string;
  /** The `nonce` of the authorization URL. A login of `@oa/loopback` has already compared its own. */
  nonce?: string | undefined;
  /** The `max_age` of the authorization URL, in seconds. A login that is older now is refused. */
  max_age?: number | undefined;
  /**
   * What is checked. `claims` is enough for a token that came from the token endpoint of the server over TLS. `signature` checks the claims
   * and the signature, with the keys that the server publishes. Use it for a token that came another way.
   *
   * @default 'claims'
   * @see https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
   */
  verify?: 'claims' | 'signature' | undefined;
}

/**
 * Rejects wrong options before anything is read.
 *
 * @throws {TypeError} if an option has a wrong value
 */
export function assertReadIdTokenOptions(options: ReadIdTokenOptions): void {
  const { server, client_id, nonce, max_age, verify = 'claims' } = options ?? {};
  if (!isNonEmptyString(server?.issuer))
    throw new TypeError('options.server must be the metadata of the server, with its issuer.');
  if (!isNonEmptyString(client_id)) throw new TypeError('options.client_id must be a non-empty string.');
  if (nonce !== undefined && !isNonEmptyString(nonce))
    throw new TypeError('options.nonce must be a non-empty string. Leave it out if the login sent none.');
  if (max_age !== undefined && !(Number.isFinite(max_age) && max_age >= 0))
    throw new TypeError('options.max_age must be a number of seconds, 0 or more.');
  if (verify !== 'claims' && verify !== 'signature')
    throw new TypeError("options.verify must be 'claims' or 'signature'.");
}

function isNonEmptyString(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
