import { isObject, parseJson } from '@oa/mechanisms';
import type { AuthorizationDetail, RequestParameters, Token } from '@oa/types';
import { toCanonicalDetails } from './canonical-details.ts';

/**
 * Everything that makes one token different from another. Two identities that differ in any member never share a token. The
 * order of scopes, resources, audiences, parameters and authorization details does not count.
 */
export interface TokenIdentity {
  /** Compared byte for byte: a trailing slash makes another issuer. */
  issuer: string;
  client_id?: string | undefined;
  grant_type: string;
  /** The requested scopes, separated by spaces. */
  scope?: string | undefined;
  /**
   * The resources that the token is for.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
   */
  resource?: string | readonly string[] | undefined;
  audience?: string | readonly string[] | undefined;
  /** Other parameters of the requests. Never a secret: see {@link tokenKey}. */
  parameters?: RequestParameters | undefined;
  /**
   * Permissions that a scope can't express. The order of their members does not count either.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9396#section-2
   */
  authorization_details?: readonly AuthorizationDetail[] | undefined;
  /** A label that keeps accounts or tenants apart. It is not sent to a server. */
  profile?: string | undefined;
  /** Whom an assertion or a subject token is about, for tokens that were obtained with one. It is not sent to a server. */
  subject?: string | undefined;
}

/** A {@link TokenIdentity} as a key holds it. The lists are sorted. */
export interface StoredIdentity {
  issuer: string;
  client_id?: string;
  grant_type: string;
  scope?: string[];
  resource?: string[];
  audience?: string[];
  /** Pairs of a name and its values. */
  parameters?: [string, string[]][];
  authorization_details?: AuthorizationDetail[];
  profile?: string;
  subject?: string;
}

/** A stored token as it may be shown to a user: what it is for, and no secret. */
export interface TokenDescription {
  issuer: string;
  /** Absent where the program has registered itself. */
  client_id?: string;
  grant_type: string;
  /** The scopes that the server granted, else the requested ones, separated by spaces. */
  scope?: string;
  resource?: string[];
  audience?: string[];
  /** The label that keeps accounts apart. */
  profile?: string;
  /** Whom the assertion was about, by the label of the program or by a digest. */
  subject?: string;
  /** Seconds since the epoch. */
  expires_at?: number;
  /** Whether the token can be renewed after `expires_at` without a login. */
  has_refresh_token: boolean;
}

/** A stored token as it may be shown to a user, and no secret. */
export interface DescribedToken extends TokenDescription {
  /** The key for `get` and `delete`. */
  key: string;
  /** The id of the key that encrypts it. Absent where it is not encrypted. */
  encryption_key?: string;
}

/** Parameters that are secret or used once. A key is written to a file, where these must not be. */
const SECRET_PARAMETERS =
  /^(client_secret|client_assertion|assertion|code|code_verifier|device_code|password|refresh_token|access_token|subject_token|actor_token)$/;

/**
 * Creates the key of an identity's token in any `Store<Token>`: the canonical JSON of the identity. It is readable, contains no
 * secret, and works in a `Map` as well as on disk.
 *
 * @throws {TypeError} if a member is missing or has a wrong type, or if a parameter is a secret,
 *   or if `authorization_details` have more than 100 levels
 */
export function tokenKey(identity: TokenIdentity): string {
  const { issuer, client_id, grant_type, scope, resource, audience, parameters, authorization_details } = identity;
  // The order of members is fixed. Lists are sorted and without repetitions. Absent members stay absent.
  return JSON.stringify({
    issuer: requiredText('issuer', issuer),
    client_id: optionalText('client_id', client_id),
    grant_type: requiredText('grant_type', grant_type),
    scope: sortedTexts('scope', optionalText('scope', scope)?.split(' ')),
    resource: sortedTexts('resource', resource),
    audience: sortedTexts('audience', audience),
    parameters: sortedPairs(parameters),
    authorization_details: toCanonicalDetails(authorization_details),
    profile: optionalText('profile', identity.profile),
    subject: optionalText('subject', identity.subject),
  });
}

/**
 * Parses a key that {@link tokenKey} has created.
 *
 * @returns `undefined` if `key` is another text
 */
export function parseTokenKey(key: string): StoredIdentity | undefined {
  const identity = parseJson(key);
  return isStoredIdentity(identity) ? identity : undefined;
}

export function isStoredIdentity(value: unknown): value is StoredIdentity {
  if (!isObject(value)) return false;
  const { issuer, client_id, grant_type, scope, resource, audience, parameters, authorization_details } = value;
  const { profile, subject } = value;
  return (
    [issuer, grant_type].every((text) => typeof text === 'string') &&
    [client_id, profile, subject].every((text) => text === undefined || typeof text === 'string') &&
    [scope, resource, audience, parameters, authorization_details].every(
      (list) => list === undefined || Array.isArray(list),
    )
  );
}

/** What a description shows of a token itself. */
export interface ShownMembers {
  expires_at?: number;
  scope?: string;
  has_refresh_token: boolean;
}

export function toShownMembers({ expires_at, scope, refresh_token }: Token): ShownMembers {
  return {
    ...(expires_at !== undefined && { expires_at }),
    ...(scope !== undefined && { scope }),
    has_refresh_token: refresh_token !== undefined,
  };
}

/** Describes a token and what its key says, without any secret. */
export function describeToken(identity: StoredIdentity, token: Token): TokenDescription {
  return describeShown(identity, toShownMembers(token));
}

/** Describes a token of which no more than this is known. */
export function describeShown(identity: StoredIdentity, shown: ShownMembers): TokenDescription {
  const { issuer, client_id, grant_type, resource, audience, profile, subject } = identity;
  // Tokens of earlier versions do not say what was granted where that is what was asked for.
  const scope = shown.scope ?? identity.scope?.join(' ');
  return {
    issuer,
    grant_type,
    has_refresh_token: shown.has_refresh_token,
    ...(client_id !== undefined && { client_id }),
    ...(scope !== undefined && { scope }),
    ...(resource !== undefined && { resource }),
    ...(audience !== undefined && { audience }),
    ...(profile !== undefined && { profile }),
    ...(subject !== undefined && { subject }),
    ...(shown.expires_at !== undefined && { expires_at: shown.expires_at }),
  };
}

function requiredText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`The ${name} of a token's identity must be a non-empty string, not ${typeof value}.`);
  return value;
}

function optionalText(name: string, value: unknown): string | undefined {
  if (value !== undefined && typeof value !== 'string')
    throw new TypeError(`The ${name} of a token's identity must be a string or absent, not ${typeof value}.`);
  return value;
}

function sortedTexts(name: string, value: string | readonly string[] | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  const values = (typeof value === 'string' ? [value] : value).map((item) => {
    if (typeof item !== 'string') throw new TypeError(`The ${name} of a token's identity must consist of strings.`);
    return item;
  });
  const distinct = [...new Set(values)].filter((item) => item !== '').toSorted();
  return distinct.length === 0 ? undefined : distinct;
}

/** Pairs of a name and its values: no name (`__proto__`, numbers) is special in them, and their order is fixed. */
function sortedPairs(parameters: RequestParameters | undefined): [string, readonly string[]][] | undefined {
  const found: [string, readonly string[]][] = [];
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value === undefined) continue;
    if (SECRET_PARAMETERS.test(name))
      throw new TypeError(
        `The parameter ${name} is secret and can't be a part of a key. Keep tokens apart with a profile.`,
      );
    found.push([name, (typeof value === 'string' ? [value] : [...value]).toSorted()]);
  }
  if (found.length === 0) return undefined;
  return found.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
