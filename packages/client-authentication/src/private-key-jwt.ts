import { UNSET_QUESTION } from '@oa/types/rfc';
import { lazyAuthentication } from './lazy.ts';
import type { SigningKey } from './signing-key.ts';
import type { ClientAuthentication } from './types.ts';

/** The options of {@link clientSecretJwt}. */
export interface ClientSecretJwtOptions {
  /**
   * The audience of the assertion: the issuer, the token endpoint, or another text. The issuer alone is what
   * draft-ietf-oauth-rfc7523bis requires. Some servers still want the token endpoint.
   *
   * @default 'issuer'
   */
  audience?: 'issuer' | 'token_endpoint' | (string & {}) | undefined;
  /**
   * The seconds that the assertion is valid, at most 300.
   *
   * @default 60
   */
  lifetime?: number | undefined;
}

/** The options of {@link privateKeyJwt}. */
export interface PrivateKeyJwtOptions extends ClientSecretJwtOptions {
  /**
   * The identifier of the key, for a server that knows several keys of the client.
   *
   * @default that of a JWK, and none for another key
   */
  kid?: string | undefined;
  /**
   * The algorithm: `RS256` or `PS256` for an RSA key. A function that signs needs it.
   *
   * @default the first algorithm of the key that the server lists
   */
  alg?: string | undefined;
}

const MAX_ASSERTION_LIFETIME_SECONDS = 300;

/**
 * Authenticates a client with a signature instead of a secret: `private_key_jwt`. Pass the result as the option `authentication`.
 *
 * The assertion names the client (`iss`, `sub`), the audience (`aud`), a new `jti` for each request, and when it ends (`exp`). The code that
 * signs is loaded with the first request, and the key is imported once.
 *
 * @param key a `CryptoKey`, a JWK, the text of a PEM file with PKCS #8, or a function that signs, for a key management service. It is RSA,
 *   P-256 or Ed25519.
 * @throws {TypeError} if an option is wrong. A key that can't sign is a TypeError at the first request.
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-2.2
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-rfc7523bis/
 * @example
 * ```ts
 * const authentication = privateKeyJwt(await readFile('key.pem', 'utf8'), { kid: '2026-11' });
 * const token = await clientCredentials(server, { client_id }, { scope: 'read' }, { authentication });
 * ```
 */
export function privateKeyJwt(key: SigningKey, options: PrivateKeyJwtOptions = {}): ClientAuthentication {
  if (!['string', 'object', 'function'].includes(typeof key) || !key)
    throw new TypeError(
      `The key must be a CryptoKey, a JWK, the text of a PEM file, or a function that signs. ${UNSET_QUESTION}`,
    );
  assertAssertionOptions(options);
  return lazyAuthentication(({ createKeyAssertion }) => createKeyAssertion(key, { ...options }));
}

/**
 * Authenticates a client with a signature of its secret: `client_secret_jwt`, with HS256. The secret itself is not sent. Pass the result as
 * the option `authentication`.
 *
 * @throws {TypeError} if an option is wrong
 * @see https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
 * @example
 * ```ts
 * const authentication = clientSecretJwt();
 * const token = await clientCredentials(server, { client_id, client_secret }, {}, { authentication });
 * ```
 */
export function clientSecretJwt(options: ClientSecretJwtOptions = {}): ClientAuthentication {
  assertAssertionOptions(options);
  return lazyAuthentication(({ createSecretAssertion }) => createSecretAssertion({ ...options }));
}

function assertAssertionOptions(options: PrivateKeyJwtOptions): void {
  for (const name of ['kid', 'alg', 'audience'] as const)
    if (options[name] !== undefined && (typeof options[name] !== 'string' || options[name] === ''))
      throw new TypeError(`options.${name} must be a non-empty string.`);
  const { lifetime = 1 } = options;
  if (!(typeof lifetime === 'number' && lifetime >= 1 && lifetime <= MAX_ASSERTION_LIFETIME_SECONDS))
    throw new TypeError(`options.lifetime must be a number of seconds from 1 to ${MAX_ASSERTION_LIFETIME_SECONDS}.`);
}
