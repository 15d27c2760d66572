import type { AuthenticationOption } from '@oa/client-authentication';
import type { AssertionSource, AuthorizationDetail, AuthorizationServer, Client, RequestParameters } from '@oa/types';
import { isResourceIndicator, UNSET_QUESTION } from '@oa/types/rfc';
import { assertSubject } from './assertion-grants.ts';
import type { Grant } from './custom-grant.ts';
import { assertDetails } from './details.ts';
import { GRANT_TYPES, isBuiltInGrant, type GrantType } from './grant-type.ts';
import { assertRedirectUris } from './redirect-uris.ts';

/**
 * The client, and what it asks for. Two credentials that differ in any member have two tokens, except for `client_secret`,
 * `token_endpoint_auth_method`, `authentication`, `redirect_uris`, `refreshParameters`, `grant` and the `parameters` that only concern the
 * login, such as `prompt` and `login_hint`. These are not part of the cache key. Of `assertion` and `subject_token` it has the `subject`.
 *
 * Without `grant_type` a secret means client credentials, and no secret means a browser login. Without `client_id` the client is
 * registered once and remembered.
 */
export interface Credentials {
  /**
   * How the token is obtained.
   *
   * @default 'client_credentials' where there is a secret, else 'authorization_code'
   */
  grant_type?: GrantType | undefined;
  /**
   * Makes a grant that is not built in. The token is cached, and one call at a time makes the grant, as for the built-in ones. `grant_type`
   * names the grant in the cache.
   */
  grant?: Grant | undefined;
  /**
   * The assertion of the grant `urn:ietf:params:oauth:grant-type:jwt-bearer`: a JWT, or a function that returns one, such as a source of
   * `@oa/workload-identity`. It is asked for each grant.
   *
   * @see https://www.rfc-editor.org/rfc/rfc7523#section-2.1
   */
  assertion?: string | AssertionSource | undefined;
  /**
   * The token of the grant `urn:ietf:params:oauth:grant-type:token-exchange`, or a function that returns it.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.1
   */
  subject_token?: string | AssertionSource | undefined;
  /** What `subject_token` is, such as `urn:ietf:params:oauth:token-type:jwt`. */
  subject_token_type?: string | undefined;
  /**
   * A label for whom `assertion` or `subject_token` is about. It keeps their tokens apart, and is never sent. Without it a function is called
   * with each call, also where the token is cached. A function that returns another assertion each time, such as `serviceAccount` or
   * `githubActions` of `@oa/workload-identity`, or `idJag`, needs a label: without one each call makes a grant.
   *
   * @default the SHA-256 of the assertion
   */
  subject?: string | undefined;
  /** Without it the program is registered once, and the registration is remembered. */
  client_id?: string | undefined;
  /**
   * The loopback redirect URIs that the client is registered with, where it was registered by hand. The login uses one of them, exactly as
   * it is written here. Where it has no port, as `http://localhost` at Entra ID, the login adds one.
   *
   * @default `http://127.0.0.1:<random port>/callback`
   * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
   */
  redirect_uris?: readonly string[] | undefined;
  /** `undefined` means none, and so a login. An empty string is a TypeError. */
  client_secret?: string | undefined;
  /** Overrides what the server's metadata suggests, for example `client_secret_post`. */
  token_endpoint_auth_method?: string | undefined;
  /** Overrides the option `authentication` of the manager. */
  authentication?: AuthenticationOption | undefined;
  /** Scopes separated by spaces. They replace those that a resource asks for. */
  scope?: string | undefined;
  /** Scopes separated by spaces, asked for besides those of the resource or of `scope`. */
  additionalScope?: string | undefined;
  /** The resource or resources that the token is for (RFC 8707). Sent unchanged. */
  resource?: string | readonly string[] | undefined;
  /**
   * Resources that a browser login names besides the one of the token, where one refresh token must serve them all: some servers give tokens
   * only for the resources that the login named. No part of the key.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8707#section-2.2
   */
  furtherResources?: readonly string[] | undefined;
  /** The audience of the token, at servers that ask for this instead of `resource`. Sent unchanged. */
  audience?: string | undefined;
  /**
   * Permissions that a scope can't express, such as one payment. The token says which were granted.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9396#section-2
   */
  authorization_details?: readonly AuthorizationDetail[] | undefined;
  /** Further wire parameters of the grant. */
  parameters?: RequestParameters | undefined;
  /**
   * Further wire parameters of a refresh, such as `scope` or `audience`, where the server needs them. `resource` is sent in any case.
   * They are no part of the key.
   */
  refreshParameters?: RequestParameters | undefined;
  /** A label that keeps several accounts of one user apart. Never sent. */
  profile?: string | undefined;
}

/**
 * Where the token comes from: an issuer or the address of its metadata document, metadata that is known already, or a protected resource
 * that names its issuers. With a resource alone, a configured client is bound to the issuer at which it was first used with a resource. One
 * with a secret needs the `issuer` the first time.
 */
export type Target = string | AuthorizationServer | ResourceTarget;

/** A protected resource (RFC 9728), by its URL. */
export interface ResourceTarget {
  /** Any URL of the resource, such as one that answered 401. */
  resource: string;
  /** The only authorization server to ask, whatever the resource names. */
  issuer?: string | undefined;
}

const STRINGS = [
  'client_id',
  'client_secret',
  'token_endpoint_auth_method',
  'scope',
  'additionalScope',
  'audience',
  'profile',
  'subject_token_type',
  'subject',
] as const;
const MEMBERS: readonly string[] = [
  'grant_type',
  'grant',
  ...STRINGS,
  'assertion',
  'subject_token',
  'redirect_uris',
  'authentication',
  'resource',
  'furtherResources',
  'authorization_details',
  'parameters',
  'refreshParameters',
];

/** @throws {TypeError} that names the member, if one is unknown, missing or of a wrong type */
export function assertCredentials(credentials: Credentials): void {
  if (typeof credentials !== 'object' || credentials === null) throw new TypeError('credentials must be an object.');
  const unknown = Object.keys(credentials).find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined) throw new TypeError(`credentials has no member ${unknown}. Use ${MEMBERS.join(', ')}.`);
  assertGrant(credentials);
  for (const name of STRINGS) {
    const value: unknown = credentials[name];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new TypeError(`credentials.${name} must be a non-empty string. ${adviceForEmpty(name)}`);
  }
  const { client_id, client_secret, redirect_uris, authentication = 'none', furtherResources = [] } = credentials;
  assertRedirectUris(redirect_uris, client_id);
  if (!['string', 'function'].includes(typeof authentication))
    throw new TypeError(
      'credentials.authentication must be the name of a method, or a function that authenticates the client.',
    );
  if (!Array.isArray(furtherResources) || !furtherResources.every((each) => isResourceIndicator(each)))
    throw new TypeError('credentials.furtherResources must be an array of absolute URLs without a fragment.');
  assertDetails(credentials.authorization_details);
  assertSubject(credentials);
  if (client_id === undefined && client_secret !== undefined)
    throw new TypeError('credentials.client_id is missing: a client_secret needs it.');
}

function assertGrant({ grant_type, grant }: Credentials): void {
  const isBuiltIn = isBuiltInGrant(grant_type);
  if (grant === undefined) {
    if (grant_type === undefined || isBuiltIn) return;
    throw new TypeError(
      `credentials.grant_type must be one of ${GRANT_TYPES.join(', ')}. Another grant needs credentials.grant.`,
    );
  }
  if (typeof grant !== 'function') throw new TypeError('credentials.grant must be a function that makes the grant.');
  if (isBuiltIn || typeof grant_type !== 'string' || grant_type === '')
    throw new TypeError('credentials.grant needs a grant_type: the name of the grant, and not that of a built-in one.');
}

/** Without its secret a job would ask a user to log in. */
function adviceForEmpty(name: (typeof STRINGS)[number]): string {
  return name === 'client_id' || name === 'client_secret' ? UNSET_QUESTION : 'Leave it out if there is none.';
}

/** The grant that these credentials ask for. */
export function grantTypeOf({ grant_type, client_secret }: Credentials): GrantType {
  return grant_type ?? (client_secret === undefined ? 'authorization_code' : 'client_credentials');
}

/** The configured client. `undefined` where the client is to be registered. */
export function configuredClientOf(credentials: Credentials): Client | undefined {
  const { client_id, client_secret, redirect_uris, token_endpoint_auth_method } = credentials;
  if (client_id === undefined) return undefined;
  const client: Client = { client_id };
  if (client_secret !== undefined) client.client_secret = client_secret;
  if (redirect_uris !== undefined) client.redirect_uris = [...redirect_uris];
  if (token_endpoint_auth_method !== undefined) client.token_endpoint_auth_method = token_endpoint_auth_method;
  return client;
}
