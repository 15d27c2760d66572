import { fromBase64Url, isObject, parseJson } from '@oa/mechanisms';
import { OAuthError, type Token } from '@oa/types';

/**
 * The claims of an ID token, with every claim that the server sent. Only the named ones are checked.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDToken
 */
export interface IdTokenClaims {
  /** The server that issued the ID token. */
  iss: string;
  /** The user: unique within the server, and never assigned to another user. */
  sub: string;
  aud: string | string[];
  /** Seconds since the epoch. */
  exp: number;
  /** Seconds since the epoch. */
  iat: number;
  /** The client that the ID token was issued to. */
  azp?: string;
  nonce?: string;
  /** When the user was authenticated, in seconds since the epoch. */
  auth_time?: number;
  at_hash?: string;
  [claim: string]: unknown;
}

/** The parts of an ID token. Nothing in them is checked. */
export interface ParsedIdToken {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  /** The part that the signature covers. */
  signed: string;
  signature: Uint8Array<ArrayBuffer>;
}

/** The parts of an encrypted token (RFC 7516 section 7.1). */
const ENCRYPTED_PARTS = 5;

/** Whether a token response has an ID token. Servers write `null` and an empty string for "not set". */
export function hasIdToken({ id_token }: Token): boolean {
  return id_token !== undefined && id_token !== null && id_token !== '';
}

/**
 * Splits the ID token of `token` into its parts, and decodes them.
 *
 * @throws {OAuthError} `invalid_id_token`
 * @see https://www.rfc-editor.org/rfc/rfc7515#section-5.2
 */
export function parseIdToken(token: Token): ParsedIdToken {
  if (!hasIdToken(token)) throw invalidIdToken('The token has no ID token. Log in with the scope openid.');
  const text = token['id_token'];
  const parts = typeof text === 'string' ? text.split('.') : [];
  if (parts.length === ENCRYPTED_PARTS)
    throw invalidIdToken(
      'The ID token is encrypted, which this program does not support. Register the client without id_token_encrypted_response_alg.',
    );
  const [first = '', second = '', third = ''] = parts;
  const header = parseObject(first);
  const claims = parseObject(second);
  const signature = fromBase64Url(third);
  if (parts.length !== 3 || header === undefined || claims === undefined || signature === undefined)
    throw invalidIdToken('The ID token is not a signed JSON Web Token. Report it to the server operator.');
  return { header, claims, signed: `${first}.${second}`, signature };
}

function parseObject(part: string): Record<string, unknown> | undefined {
  const bytes = fromBase64Url(part);
  const json = bytes && parseJson(decodeUtf8(bytes));
  return isObject(json) ? json : undefined;
}

/** Decodes UTF-8 strictly: a claim with replaced characters would be another claim. Other bytes become a text that is not JSON. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return '';
  }
}

/** Creates the error of this package. No message may quote the token. */
export function invalidIdToken(message: string): OAuthError {
  return new OAuthError('invalid_id_token', message);
}
