import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { closeServer, listen } from '@oa-internal/testing/server';
import { Provider } from 'oidc-provider';
import type { JWK } from 'jose';
import { createSign, registerAssertionGrants, type Sign } from './assertion-grants.ts';
import { runAgent, type AgentChoice } from './agent.ts';
import { startCertificateEndpoints, type ServerCertificate } from './certificates.ts';
import { configuration, confidential, native, resource, user, type PushedRequests } from './configuration.ts';
import { interactions } from './interactions.ts';
import { createMemoryStorage } from './memory.ts';
import { requestLog, type LoggedRequest } from './log.ts';

/** What the server knows about a valid access token. */
export interface ValidToken {
  client_id: string;
  sub?: string;
  scope?: string;
  aud?: string | string[];
  /** How the user logged in. */
  acr?: string;
  /** The thumbprint of the DPoP key that the token is bound to. */
  jkt?: string;
}

export interface AuthorizationServerHandle {
  /** `http://127.0.0.1:port` or `http://[::1]:port`. */
  issuer: string;
  /** A client for the client credentials grant. The server accepts the secret by Basic and in the body. */
  confidential: { client_id: string; client_secret: string };
  /** A native client: login with a loopback redirect on any port (paths `/callback` and `/`), device flow, rotating refresh tokens. */
  public: { client_id: string };
  /** A resource indicator. The server accepts every loopback URL too. */
  resource: string;
  /** All requests so far, in the order of arrival. */
  requests: LoggedRequest[];
  /** The number of requests to `path`, with this `grant_type` if it is given. */
  count(path: string, grantType?: string): number;
  /** The account that the login page fills in, unless a `login_hint` names the other one, `grace`. */
  user: { login: string; password: string };
  /** Logs in and consents (or denies) as a user would, and delivers the callback. Resolves to the client's response to it. */
  logIn(authorizationUrl: string, choice?: AgentChoice): Promise<Response>;
  /** Does the same for the device flow. Resolves when the server has the decision. */
  approveDevice(verificationUriComplete: string, choice?: AgentChoice): Promise<void>;
  /** Sets the lifetime of new access tokens, in seconds. */
  setAccessTokenTtl(seconds: number): void;
  /** Sets the lifetime of new ID tokens, in seconds. */
  setIdTokenTtl(seconds: number): void;
  /** Signs a JWT with the key of the server, such as an ID token. */
  sign: Sign;
  /** Makes every access token invalid, as an administrator can. Refresh tokens stay valid. */
  dropAccessTokens(): void;
  /** Describes an access token to a resource server, without a request. `undefined` if the token is not valid. */
  introspect(accessToken: string): Promise<ValidToken | undefined>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface AuthorizationServerOptions {
  host?: '127.0.0.1' | '::1';
  accessTokenTtl?: number;
  /**
   * The origin of a loopback server that has the client metadata documents of all hosts, by their path. The server supports such
   * documents if it is set.
   */
  documents?: string;
  /** @default 'disabled' */
  pushedRequests?: PushedRequests;
  /** The issuers whose JWTs the server takes in the JWT bearer grant and in token exchange. The server has both grants if it is set. */
  trusts?: readonly string[];
  /** Whether DPoP proofs must have a nonce of the server (RFC 9449 section 8). Without proofs it issues Bearer tokens. @default false */
  dpopNonces?: boolean;
  /** Lets clients authenticate with a certificate, at `mtls_endpoint_aliases`. */
  certificate?: ServerCertificate;
}

/** Starts an authorization server (oidc-provider) on a random loopback port. It keeps everything in memory. */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions = {},
): Promise<AuthorizationServerHandle> {
  let accessTokenTtl = options.accessTokenTtl ?? 3600;
  const server = createServer();
  const issuer = await listen(server, options.host);
  const memory = createMemoryStorage();
  let idTokenTtl = 3600;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key: JWK = { ...privateKey.export({ format: 'jwk' }), kty: 'EC', kid: 'the-key' };
  const secure =
    options.certificate &&
    (await startCertificateEndpoints(options.certificate, (request, response) => void handle(request, response)));
  const { documents, pushedRequests = 'disabled', dpopNonces = false } = options;
  const provider = new Provider(
    issuer,
    configuration({
      adapter: memory.adapter,
      key,
      accessTokenTtl: () => accessTokenTtl,
      idTokenTtl: () => idTokenTtl,
      documents,
      pushedRequests,
      hasAssertionGrants: options.trusts !== undefined,
      dpopNonces,
      aliases: secure?.aliases,
    }),
  );
  if (options.trusts !== undefined) registerAssertionGrants(provider, key, options.trusts);
  const requests: LoggedRequest[] = [];
  provider.use(requestLog(requests));
  provider.use(interactions(provider));
  // Koa prints an error when a client closes its connection. Errors of this server itself become warnings.
  provider.silent = true;
  provider.on('server_error', (_ctx, error: Error) => process.emitWarning(error));
  const handle = provider.callback();
  server.on('request', (request, response) => void handle(request, response));

  const close = async (): Promise<void> => {
    if (secure !== undefined) await closeServer(secure.server);
    await closeServer(server);
  };
  return {
    issuer,
    confidential: { ...confidential },
    public: { ...native },
    resource,
    requests,
    count: (path, grantType) =>
      requests.filter(
        (request) => request.path === path && (grantType === undefined || request.grant_type === grantType),
      ).length,
    user: { ...user },
    logIn: async (authorizationUrl, choice = {}) => {
      const end = await runAgent(issuer, authorizationUrl, choice);
      if ('page' in end) throw new Error(`The login ended before the redirect, on the page: ${end.page}`);
      return end.response;
    },
    approveDevice: async (verificationUriComplete, choice = {}) => {
      const end = await runAgent(issuer, verificationUriComplete, choice);
      const page = 'page' in end ? end.page : end.response.url;
      if (page.includes('The device is connected') === (choice.deny === true))
        throw new Error(`The device login ended on an unexpected page: ${page}`);
    },
    setAccessTokenTtl: (seconds) => {
      accessTokenTtl = seconds;
    },
    setIdTokenTtl: (seconds) => {
      idTokenTtl = seconds;
    },
    sign: createSign(issuer, key),
    dropAccessTokens: () => {
      memory.forgetAll('AccessToken');
      memory.forgetAll('ClientCredentials');
    },
    introspect: (accessToken) => introspect(provider, accessToken),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function introspect(provider: Provider, accessToken: string): Promise<ValidToken | undefined> {
  const token = (await provider.AccessToken.find(accessToken)) ?? (await provider.ClientCredentials.find(accessToken));
  if (token?.clientId === undefined) return undefined;
  return {
    client_id: token.clientId,
    ...('accountId' in token && token.accountId !== undefined ? { sub: token.accountId } : {}),
    ...(token.scope === undefined ? {} : { scope: token.scope }),
    ...(token.aud === undefined ? {} : { aud: token.aud }),
    ...(typeof token.extra?.acr === 'string' ? { acr: token.extra.acr } : {}),
    ...(typeof token['jkt'] === 'string' ? { jkt: token['jkt'] } : {}),
  };
}
