import type { AuthorizationServer, Client, RequestParameters } from '@oa/types';

const GRANT_TYPES = [
  'client_credentials',
  'authorization_code',
  'urn:ietf:params:oauth:grant-type:device_code',
] as const;

/** How a token is obtained when there is none to refresh. */
export type GrantType = (typeof GRANT_TYPES)[number];

/**
 * Who asks, and for what. Everything here makes a token different, so everything but the secret is part of the cache key.
 * Without `grant_type` a secret means client credentials, none means a browser login. Without `client_id` the client is
 * registered once and remembered.
 */
export interface Credentials {
  /** `client_credentials` where there is a secret, else `authorization_code`, unless said otherwise. */
  grant_type?: GrantType | undefined;
  /** Without one the program is registered, once, and remembered. */
  client_id?: string | undefined;
  /** `undefined` means none, and so a login; an empty one is a TypeError. */
  client_secret?: string | undefined;
  /** Overrides what the server's metadata suggests, for example `client_secret_post`. */
  token_endpoint_auth_method?: string | undefined;
  /** Scopes separated by spaces. */
  scope?: string | undefined;
  /** RFC 8707: the resource or resources the token is for, sent unchanged. */
  resource?: string | readonly string[] | undefined;
  /** Who the token is for, at servers that ask for this instead of `resource`. Sent unchanged. */
  audience?: string | undefined;
  /** Further wire parameters of the grant. */
  parameters?: RequestParameters | undefined;
  /** A label that keeps accounts of one person apart. Never sent. */
  profile?: string | undefined;
}

/**
 * Where the token comes from: an issuer, metadata that is known already, or a protected resource that names its issuers.
 * With an `issuer` of its own, the resource has to name that one; a client secret is for one issuer, so it needs it.
 */
export type Target = string | AuthorizationServer | ResourceTarget;

/** A protected resource (RFC 9728), by its URL. */
export interface ResourceTarget {
  /** Any URL of it, such as one that answered 401. */
  resource: string;
  /** The only authorization server to ask, wherever the resource points. */
  issuer?: string | undefined;
}

/** Credentials that were looked at: who asks, how, and what goes on the wire. */
export interface Request {
  grant_type: GrantType;
  /** As configured; without one the client is registered. */
  client?: Client;
  wire: RequestParameters;
}

const TEXTS = ['client_id', 'client_secret', 'token_endpoint_auth_method', 'scope', 'audience', 'profile'] as const;
const MEMBERS: readonly string[] = ['grant_type', ...TEXTS, 'resource', 'parameters'];

/** Checks `credentials`; a mistake in them is a TypeError that names it, never a value. */
export function toRequest(credentials: Credentials): Request {
  checkMembers(credentials);
  const { client_id, client_secret, token_endpoint_auth_method, scope, resource, audience, parameters } = credentials;
  const grant_type =
    credentials.grant_type ?? (client_secret === undefined ? 'authorization_code' : 'client_credentials');
  if (client_id === undefined && (client_secret !== undefined || grant_type === 'client_credentials'))
    throw new TypeError('a client_secret, and the client_credentials grant, needs a client_id');
  const wire = { ...parameters, scope, resource, audience };
  if (client_id === undefined) return { grant_type, wire };
  const client = {
    client_id,
    ...(client_secret !== undefined && { client_secret }),
    ...(token_endpoint_auth_method !== undefined && { token_endpoint_auth_method }),
  };
  return { grant_type, wire, client };
}

function checkMembers(credentials: Credentials): void {
  if (typeof credentials !== 'object' || credentials === null) throw new TypeError('credentials must be an object');
  const unknown = Object.keys(credentials).find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined)
    throw new TypeError(`unknown member of credentials: ${unknown}; expected one of ${MEMBERS.join(', ')}`);
  if (credentials.grant_type !== undefined && !GRANT_TYPES.includes(credentials.grant_type))
    throw new TypeError(`credentials.grant_type must be one of ${GRANT_TYPES.join(', ')}`);
  for (const name of TEXTS) {
    const value: unknown = credentials[name];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new TypeError(`credentials.${name} must be a non-empty string; leave it out if there is none`);
  }
}
