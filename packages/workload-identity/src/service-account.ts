import type { SigningKey } from '@oa/client-authentication';
import { abortable, createLoader, randomText } from '@oa/mechanisms';
import type { AssertionSource } from '@oa/types';
import { UNSET_QUESTION } from '@oa/types/rfc';
import { assertOptionalText, assertText, audienceOf } from './arguments.ts';

const loadSigner = createLoader(() => import('@oa/client-authentication'));
/** Box accepts no longer lifetime. */
const LIFETIME_SECONDS = 60;
/** The claims that the source sets itself. */
const SET_CLAIMS = ['iss', 'sub', 'aud', 'scope', 'iat', 'exp', 'jti'] as const;

/** The account that {@link serviceAccount} signs for. */
export interface ServiceAccount {
  /** The issuer of the assertion: the e-mail address of a Google service account, or the identifier of the client. */
  iss: string;
  /** The user or the enterprise that the token is for. Google takes the service account itself without one. */
  sub?: string | undefined;
  /**
   * The audience of the assertion.
   *
   * @default that of the request, usually the issuer of the server
   */
  aud?: string | undefined;
  /** Scopes separated by spaces. Google reads them from the assertion. */
  scope?: string | undefined;
  /** The private key: a `CryptoKey`, a JWK, the text of a PEM file with PKCS #8, or a function that signs. */
  key: SigningKey;
  /** The identifier of the key, for the header. A JWK has its own. */
  kid?: string | undefined;
  /** The signature algorithm, where the key does not say it. */
  alg?: string | undefined;
  /** More claims, such as `box_sub_type`. */
  claims?: Record<string, unknown> | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  now?: (() => number) | undefined;
}

/**
 * Makes a source that signs an assertion with the key of a service account: the JWT bearer grant of Google, Salesforce, Box and others. Each
 * assertion is new, and valid for 60 seconds.
 *
 * The members of the JSON file of a Google service account are `client_email` (`iss`), `private_key` (`key`), `private_key_id` (`kid`) and
 * `token_uri` (`aud`).
 *
 * @throws {TypeError} if `iss` or `key` is missing, or another member is wrong. The source rejects with one if the key can't sign.
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-3
 * @example
 * const { client_email: iss, private_key: key, private_key_id: kid, token_uri: aud } = JSON.parse(file);
 * const source = serviceAccount({ iss, aud, scope: 'https://www.googleapis.com/auth/devstorage.read_only', key, kid });
 */
export function serviceAccount(account: ServiceAccount): AssertionSource {
  const { iss, sub, aud, scope, key, kid, alg, claims = {}, now = Date.now } = account;
  assertText(iss, 'iss');
  for (const [name, value] of Object.entries({ sub, aud, scope, kid, alg })) assertOptionalText(value, name);
  if (key === undefined || key === null || key === '')
    throw new TypeError(`key must be a private key, and it is missing. ${UNSET_QUESTION}`);
  const set = SET_CLAIMS.find((name) => claims[name] !== undefined);
  if (set !== undefined)
    throw new TypeError(
      `claims must not have ${set}, which the source sets itself. Use the member of its own, if any.`,
    );
  return async (request) => {
    const { signal } = request;
    signal?.throwIfAborted();
    const { signJwt } = await loadSigner();
    const iat = Math.floor(now() / 1000);
    const times = { iat, exp: iat + LIFETIME_SECONDS, jti: randomText() };
    // An undefined `kid` would take the place of that of a JWK.
    const header = { typ: 'JWT', alg, ...(kid !== undefined && { kid }) };
    const all = { ...claims, iss, sub, aud: audienceOf(request, aud), scope, ...times };
    return abortable(signJwt(header, all, key), signal);
  };
}
