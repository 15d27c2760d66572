import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { walk, type Answer } from './agent.ts';
import { configuration, confidential, native, resource, user } from './configuration.ts';
import { interactions } from './interactions.ts';
import { memoryAdapter } from './memory.ts';
import { requestLog, type LoggedRequest } from './log.ts';

/** What the server knows about an access token that is valid now. */
export interface ValidToken {
  client_id: string;
  sub?: string;
  scope?: string;
  aud?: string | string[];
}

export interface AuthorizationServerHandle {
  /** `http://127.0.0.1:port` or `http://[::1]:port`. */
  issuer: string;
  /** A client for the client credentials grant; the secret is taken by Basic and by post. */
  confidential: { client_id: string; client_secret: string };
  /** A native client: login with a loopback redirect on any port (paths `/callback` and `/`), device flow, refresh tokens that rotate. */
  public: { client_id: string };
  /** A resource indicator. Any loopback URL is one too. */
  resource: string;
  /** Every request so far, in order of arrival. */
  requests: LoggedRequest[];
  /** How many requests went to `path`, of this `grant_type` if given. */
  count(path: string, grantType?: string): number;
  user: { login: string; password: string };
  /** Logs in and consents (or denies) as a person would, and delivers the callback. Resolves with the client's answer to it. */
  logIn(authorizationUrl: string, answer?: Answer): Promise<Response>;
  /** The same for the device flow; resolves when the server has the person's decision. */
  approveDevice(verificationUriComplete: string, answer?: Answer): Promise<void>;
  /** Seconds that access tokens live from now on. */
  setAccessTokenTtl(seconds: number): void;
  /** Makes every access token invalid at once, as an administrator might; refresh tokens stay. */
  dropAccessTokens(): void;
  /** What a resource server needs to know about an access token, without a request; `undefined` if it is not valid. */
  introspect(accessToken: string): Promise<ValidToken | undefined>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a real authorization server (oidc-provider) on a random loopback port. It keeps everything in memory. */
export async function startAuthorizationServer(
  options: { host?: '127.0.0.1' | '::1'; accessTokenTtl?: number } = {},
): Promise<AuthorizationServerHandle> {
  let accessTokenTtl = options.accessTokenTtl ?? 3600;
  const server = createServer();
  const issuer = await listen(server, options.host ?? '127.0.0.1');
  const memory = memoryAdapter();
  const provider = new Provider(
    issuer,
    configuration(memory.adapter, () => accessTokenTtl),
  );
  const requests: LoggedRequest[] = [];
  provider.use(requestLog(requests));
  provider.use(interactions(provider));
  // Koa prints what clients break off; what this server itself gets wrong is a warning that nobody can overlook.
  provider.silent = true;
  provider.on('server_error', (_ctx, error: Error) => process.emitWarning(error));
  const handle = provider.callback();
  server.on('request', (request, response) => void handle(request, response));

  const close = (): Promise<void> => stop(server);
  return {
    issuer,
    confidential: { ...confidential },
    public: { ...native },
    resource,
    requests,
    count: (path, grantType) =>
      requests.filter((one) => one.path === path && (grantType === undefined || one.grant_type === grantType)).length,
    user: { ...user },
    logIn: async (authorizationUrl, answer = {}) => {
      const end = await walk(issuer, authorizationUrl, user, answer);
      if ('page' in end) throw new Error(`the login ended before the redirect: ${end.page}`);
      return end.response;
    },
    approveDevice: async (verificationUriComplete, answer = {}) => {
      const end = await walk(issuer, verificationUriComplete, user, answer);
      const page = 'page' in end ? end.page : end.response.url;
      if (page.includes('The device is connected') === (answer.deny === true))
        throw new Error(`the device login ended unexpectedly: ${page}`);
    },
    setAccessTokenTtl: (seconds) => {
      accessTokenTtl = seconds;
    },
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
  };
}

/** Listens on a random port and resolves with the origin. */
export async function listen(server: Server, host: '127.0.0.1' | '::1'): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return host === '::1' ? `http://[::1]:${port}` : `http://127.0.0.1:${port}`;
}

export async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
