import type { RequestParameters } from '@oa/types';

/**
 * Everything that makes one token different from another. Two identities that differ in any member never share a
 * token; the order of scopes, resources, audiences and parameters does not count.
 */
export interface TokenIdentity {
  /** Compared byte for byte: a trailing slash makes another issuer. */
  issuer: string;
  client_id?: string | undefined;
  grant_type: string;
  /** The scopes that are asked for, separated by spaces. */
  scope?: string | undefined;
  /** RFC 8707. */
  resource?: string | readonly string[] | undefined;
  audience?: string | readonly string[] | undefined;
  /** Other parameters of the requests. Never a secret: see {@link tokenKey}. */
  parameters?: RequestParameters | undefined;
  /** A label of yours that keeps accounts or tenants apart. */
  profile?: string | undefined;
}

/** Parameters that are secret or single-use. A cache key is a file's content, and nothing to keep these in. */
const SECRETS =
  /^(client_secret|client_assertion|assertion|code|code_verifier|device_code|password|refresh_token|access_token|subject_token|actor_token)$/;

/**
 * The key of an identity's token in any `Store<Token>`: the canonical JSON of the identity. It is readable, holds
 * no secret, and works in a `Map` as well as on disk.
 *
 * @throws TypeError when a member is missing or of a wrong type, or when a parameter is a secret
 */
export function tokenKey(identity: TokenIdentity): string {
  const { issuer, client_id, grant_type, scope, resource, audience, parameters, profile } = identity;
  // Members in a fixed order, lists sorted and without repetitions, absent members absent.
  return JSON.stringify({
    issuer: text('issuer', issuer),
    client_id: optionalText('client_id', client_id),
    grant_type: text('grant_type', grant_type),
    scope: sorted('scope', optionalText('scope', scope)?.split(' ')),
    resource: sorted('resource', resource),
    audience: sorted('audience', audience),
    parameters: pairs(parameters),
    profile: optionalText('profile', profile),
  });
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`The ${name} of a token's identity must be a non-empty string, not ${typeof value}.`);
  return value;
}

function optionalText(name: string, value: unknown): string | undefined {
  if (value !== undefined && typeof value !== 'string')
    throw new TypeError(`The ${name} of a token's identity must be a string or absent, not ${typeof value}.`);
  return value;
}

function sorted(name: string, value: string | readonly string[] | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  const values = (typeof value === 'string' ? [value] : value).map((item) => {
    if (typeof item !== 'string') throw new TypeError(`The ${name} of a token's identity must consist of strings.`);
    return item;
  });
  const distinct = [...new Set(values)].filter((item) => item !== '').toSorted();
  return distinct.length === 0 ? undefined : distinct;
}

/** Pairs of name and values, so that no name (`__proto__`, numbers) is special and the order is fixed. */
function pairs(parameters: RequestParameters | undefined): [string, readonly string[]][] | undefined {
  const found: [string, readonly string[]][] = [];
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value === undefined) continue;
    if (SECRETS.test(name))
      throw new TypeError(
        `The parameter ${name} is secret and can't be a part of a key. Tell tokens apart with a profile.`,
      );
    found.push([name, (typeof value === 'string' ? [value] : [...value]).toSorted()]);
  }
  if (found.length === 0) return undefined;
  return found.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
