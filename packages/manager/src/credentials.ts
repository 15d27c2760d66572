import type { AuthorizationServer, Client, Parameters } from '@oa/types';

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
  grant_type?: GrantType;
  client_id?: string;
  client_secret?: string;
  /** Overrides what the server's metadata suggests, for example `client_secret_post`. */
  token_endpoint_auth_method?: string;
  /** Scopes separated by spaces. */
  scope?: string;
  /** RFC 8707: the resource or resources the token is for, sent unchanged. */
  resource?: string | readonly string[];
  audience?: string;
  /** Further wire parameters of the grant. */
  parameters?: Parameters;
  /** A label that keeps accounts of one person apart. Never sent. */
  profile?: string;
}

/** Where the token comes from: an issuer, metadata that is known already, or a protected resource that names its issuer. */
export type Target = string | AuthorizationServer | { resource: string };

/** Credentials that were looked at: what goes into the key, what goes on the wire, and who asks. */
export interface Request {
  grant_type: GrantType;
  /** As configured; without one the client is registered. */
  client?: Client;
  /** What goes on the wire with a new grant, and with a refresh as far as RFC 6749 section 6 and RFC 8707 have it. */
  wire: Parameters;
  profile?: string;
}

const MEMBERS = new Set([
  'grant_type',
  'client_id',
  'client_secret',
  'token_endpoint_auth_method',
  'scope',
  'resource',
  'audience',
  'parameters',
  'profile',
]);

/** Checks `credentials`; a mistake in them is a TypeError that names it, never a value. */
export function toRequest(credentials: Credentials): Request {
  const {
    grant_type,
    client_id,
    client_secret,
    token_endpoint_auth_method,
    scope,
    resource,
    audience,
    parameters,
    profile,
  } = credentials;
  for (const member of Object.keys(credentials)) {
    if (!MEMBERS.has(member))
      throw new TypeError(`unknown member of credentials: ${member}; expected one of ${[...MEMBERS].join(', ')}`);
  }
  if (grant_type !== undefined && !GRANT_TYPES.includes(grant_type)) {
    throw new TypeError(`credentials.grant_type must be one of ${GRANT_TYPES.join(', ')}`);
  }
  for (const [name, value] of Object.entries({
    client_id,
    client_secret,
    scope,
    audience,
    profile,
    token_endpoint_auth_method,
  })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw new TypeError(`credentials.${name} must be a non-empty string; leave it out if there is none`);
    }
  }
  if (client_secret !== undefined && client_id === undefined) {
    throw new TypeError('credentials.client_secret needs a client_id');
  }
  const grant = grant_type ?? (client_secret === undefined ? 'authorization_code' : 'client_credentials');
  if (grant === 'client_credentials' && client_id === undefined) {
    throw new TypeError('the client_credentials grant needs a client_id and, as a rule, a client_secret');
  }
  return {
    grant_type: grant,
    ...(client_id === undefined ? {} : { client: toClient(client_id, client_secret, token_endpoint_auth_method) }),
    wire: { ...parameters, scope, resource, audience },
    ...(profile === undefined ? {} : { profile }),
  };
}

function toClient(client_id: string, client_secret?: string, token_endpoint_auth_method?: string): Client {
  return {
    client_id,
    ...(client_secret === undefined ? {} : { client_secret }),
    ...(token_endpoint_auth_method === undefined ? {} : { token_endpoint_auth_method }),
  };
}
