import { randomBytes } from 'node:crypto';
import type { JWK } from 'jose';
import {
  errors,
  type Account,
  type ClientMetadata,
  type Configuration,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider';
import { JWT_BEARER, TOKEN_EXCHANGE } from './assertion-grants.ts';
import { authorizationDetails } from './authorization-details.ts';
import { certificateFeature } from './certificates.ts';
import { codeConfirmPage, codeInputPage, codeSuccessPage, errorPage } from './pages.ts';

/** The account that the login page fills in. */
export const user = { login: 'ada', password: 'analytical engine' };

const accounts = [user, { login: 'grace', password: 'first compiler' }];

/** The account with this name. */
export function findUser(login: unknown): typeof user | undefined {
  return accounts.find((account) => account.login === login);
}

/** The secret holds the characters of RFC 6749 appendix A.2 (VSCHAR) that clients often encode wrongly. */
export const confidential = { client_id: 'oa-confidential', client_secret: 's+e&=%/~: x' };

export const native = { client_id: 'oa-native' };

/** The resource indicator (RFC 8707) of an API on another host. The server accepts loopback URLs too. */
export const resource = 'https://api.oa.test/v1';

/** Those that oidc-provider has without a configuration. */
const CLIENT_METHODS = [
  'client_secret_basic',
  'client_secret_jwt',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const;

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

// RFC 8252 section 7.3: a native client chooses the port at run time, so no port is registered.
const redirect_uris = ['127.0.0.1', '[::1]', 'localhost'].flatMap((host) => [
  `http://${host}/callback`,
  `http://${host}/`,
]);

const clients: ClientMetadata[] = [
  {
    ...confidential,
    client_name: 'A job',
    // The library accepts `client_secret_post` from this client too.
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  },
  {
    ...native,
    client_name: 'A command-line tool',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
    redirect_uris,
    response_types: ['code'],
    authorization_details_types: Object.keys(authorizationDetails.types),
  },
];

/** Whether clients may push the parameters of a login (RFC 9126), or must. */
export type PushedRequests = 'disabled' | 'offered' | 'required';

/** What differs between two servers. */
interface ServerSettings {
  adapter: Configuration['adapter'];
  /** The private key that signs. */
  key: JWK;
  /** Seconds. */
  accessTokenTtl: () => number;
  /** Seconds. */
  idTokenTtl: () => number;
  documents: string | undefined;
  pushedRequests: PushedRequests;
  hasAssertionGrants: boolean;
  dpopNonces: boolean;
  /** The endpoints for clients with a certificate. */
  aliases: Record<string, string> | undefined;
}

/** The configuration of oidc-provider. It replaces every default that makes the library print a notice. */
export function configuration(settings: ServerSettings): Configuration {
  const { adapter, key, accessTokenTtl, idTokenTtl, documents, pushedRequests, hasAssertionGrants } = settings;
  const { dpopNonces, aliases } = settings;
  const grants = hasAssertionGrants ? [JWT_BEARER, TOKEN_EXCHANGE] : [];
  const day = 24 * 60 * 60;
  return {
    adapter,
    clients: clients.map((client) => withGrants(client, grants)),
    ...(aliases !== undefined && {
      clientAuthMethods: [...CLIENT_METHODS, 'tls_client_auth', 'self_signed_tls_client_auth'],
      discovery: { mtls_endpoint_aliases: aliases },
    }),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [{ ...key }] as never },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    clockTolerance: 0,
    scopes: ['openid', 'offline_access', 'read', 'write'],
    // Clients do not send this parameter. Its hook is where the library lets a server fill in a missing scope.
    extraParams: { default_scope: (ctx) => completeScope(ctx) },
    // The paths that MCP clients use without metadata.
    routes: {
      authorization: '/authorize',
      token: '/token',
      registration: '/register',
      revocation: '/revoke',
      introspection: '/introspect',
      device_authorization: '/device_authorization',
      pushed_authorization_request: '/par',
      code_verification: '/device',
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      registration: { enabled: true },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_ctx, indicator) => resourceServer(indicator) },
      rpInitiatedLogout: { enabled: false },
      ...(aliases !== undefined && { mTLS: certificateFeature }),
      clientIdMetadataDocument: { enabled: documents !== undefined, ack: 'draft-02' },
      pushedAuthorizationRequests: {
        enabled: pushedRequests !== 'disabled',
        requirePushedAuthorizationRequests: pushedRequests === 'required',
      },
      richAuthorizationRequests: authorizationDetails,
      dPoP: {
        enabled: true,
        requireNonce: () => dpopNonces,
        ...(dpopNonces && { nonceSecret: randomBytes(32) }),
      },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form, _out, error) => showPage(ctx, codeInputPage(form, error?.message)),
        userCodeConfirmSource: (ctx, form, client, _device, code) =>
          showPage(ctx, codeConfirmPage(form, client.clientName ?? client.clientId, code)),
        successSource: (ctx) => showPage(ctx, codeSuccessPage()),
      },
    },
    ...(documents !== undefined && { fetch: createDocumentFetch(documents) }),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx, sub): Account | undefined => findUser(sub) && { accountId: sub, claims: () => ({ sub }) },
    acrValues: ['mfa'],
    extraTokenClaims: (ctx) => authenticationOf(ctx),
    expiresWithSession: async () => false,
    rotateRefreshToken: true,
    clientBasedCORS: () => true,
    pkce: { required: () => true },
    renderError: (ctx, out) => showPage(ctx, errorPage(out)),
    ttl: {
      AccessToken: accessTokenTtl,
      ClientCredentials: accessTokenTtl,
      AuthorizationCode: 60,
      DeviceCode: 600,
      Grant: 14 * day,
      IdToken: idTokenTtl,
      Interaction: 3600,
      RefreshToken: 14 * day,
      Session: 14 * day,
    },
  };
}

function withGrants(client: ClientMetadata, grants: readonly string[]): ClientMetadata {
  return { ...client, grant_types: [...(client.grant_types ?? []), ...grants] };
}

/** A fetch that reads the document of any host from the origin of the test. */
function createDocumentFetch(documents: string): typeof fetch {
  return (input, init = {}) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    // Without the dispatcher of oidc-provider, which refuses loopback.
    const { headers = {}, redirect = 'follow', signal = null } = init;
    return fetch(new URL(pathname, documents), { headers, redirect, signal });
  };
}

/**
 * Grants the default scope where the request has none (RFC 6749 section 3.3). The library has dropped unknown scopes
 * before, and the token response names the granted ones.
 */
function completeScope(ctx: KoaContextWithOIDC): void {
  const params = ctx.oidc.params ?? {};
  if (params.scope === '') throw new errors.InvalidScope('none of the requested scopes exists', '');
  params.scope ??= 'read';
}

function resourceServer(indicator: string): ResourceServer {
  const { hostname } = new URL(indicator);
  if (indicator !== resource && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
    throw new errors.InvalidTarget();
  return { scope: 'read write', audience: indicator, accessTokenFormat: 'opaque' };
}

/** How the user of a token logged in, so that a resource server can ask for more (RFC 9470 section 6.2). */
function authenticationOf({ oidc: { entities } }: KoaContextWithOIDC): { acr?: string } {
  const { acr } = entities.AuthorizationCode ?? entities.RefreshToken ?? {};
  return acr === undefined ? {} : { acr };
}

function showPage(ctx: { type: string; body: unknown }, html: string): void {
  ctx.type = 'html';
  ctx.body = html;
}
