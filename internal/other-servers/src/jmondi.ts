import { randomUUID } from 'node:crypto';
import { AuthorizationServer, type OAuthAuthCode, type OAuthClient, type OAuthToken } from '@jmondi/oauth2-server';
import { handleExpressError, handleExpressResponse, requestFromExpress } from '@jmondi/oauth2-server/express';
import express, { type Request, type Response } from 'express';
import { serve, type OtherServer } from './serve.ts';

const SECRET = 's+e&=%/~: x';
const scopes = [{ name: 'read' }, { name: 'write' }];

/** Starts `@jmondi/oauth2-server` with its default options, on express at the paths of its documentation. It has no metadata. */
export async function startJmondiServer(): Promise<
  OtherServer & {
    confidential: { client_id: string; client_secret: string };
    public: { client_id: string };
  }
> {
  const { oauth, accepts } = inMemory();
  const server = await serve(async () => {
    const application = express();
    application.use(express.urlencoded({ extended: false }));
    application.get(
      '/authorize',
      answer(async (request) => {
        const authorization = await oauth.validateAuthorizationRequest(requestFromExpress(request));
        authorization.user = { id: 'ada' };
        authorization.isAuthorizationApproved = true;
        return oauth.completeAuthorizationRequest(authorization);
      }),
    );
    application.post(
      '/token',
      answer((request) => oauth.respondToAccessTokenRequest(requestFromExpress(request))),
    );
    application.post(
      '/token/revoke',
      answer((request) => oauth.revoke(requestFromExpress(request))),
    );
    return application;
  });
  return {
    ...server,
    issuer: server.origin,
    confidential: { client_id: 'job', client_secret: SECRET },
    public: { client_id: 'public' },
    accepts,
  };
}

type OAuthResponse = Awaited<ReturnType<AuthorizationServer['revoke']>>;

function answer(handler: (request: Request) => Promise<OAuthResponse>) {
  return async (request: Request, response: Response): Promise<void> => {
    try {
      handleExpressResponse(response, await handler(request));
    } catch (error) {
      handleExpressError(error, response);
    }
  };
}

const LIFETIME_MS = 3_600_000;
const expiry = (): Date => new Date(Date.now() + LIFETIME_MS);

/** The repositories of its documentation. A revoked token stays, as an expired one. */
function inMemory(): { oauth: AuthorizationServer; accepts: OtherServer['accepts'] } {
  const allowedGrants: OAuthClient['allowedGrants'] = ['authorization_code', 'refresh_token'];
  const clients: OAuthClient[] = [
    { id: 'job', name: 'A job', secret: SECRET, redirectUris: [], allowedGrants: ['client_credentials'], scopes },
    { id: 'public', name: 'A program', redirectUris: ['http://127.0.0.1/callback'], allowedGrants, scopes },
  ];
  const codes: OAuthAuthCode[] = [];
  const tokens: OAuthToken[] = [];
  const oauth = new AuthorizationServer(
    {
      getByIdentifier: async (id) => assertFound(clients.find((one) => one.id === id)),
      isClientValid: async (grantType, client, secret) =>
        client.allowedGrants.includes(grantType) && client.secret === secret,
    },
    {
      issueToken: async (client, granted, user) => {
        const token = { accessToken: randomUUID(), accessTokenExpiresAt: expiry(), client, scopes: granted };
        return user ? { ...token, user } : token;
      },
      issueRefreshToken: async (token) =>
        Object.assign(token, { refreshToken: randomUUID(), refreshTokenExpiresAt: expiry() }),
      persist: async (token) => void tokens.push(token),
      revoke: async (token) => {
        token.accessTokenExpiresAt = token.refreshTokenExpiresAt = new Date(0);
      },
      isRefreshTokenRevoked: async ({ refreshTokenExpiresAt }) => Number(refreshTokenExpiresAt) < Date.now(),
      getByRefreshToken: async (id) => assertFound(tokens.find(({ refreshToken }) => refreshToken === id)),
      getByAccessToken: async (id) => assertFound(tokens.find(({ accessToken }) => accessToken === id)),
    },
    {
      getAllByIdentifiers: async (names) => scopes.filter(({ name }) => names.includes(name)),
      finalize: async (granted) => granted,
    },
    'the key that signs the tokens',
  );
  oauth.enableGrantType({
    grant: 'authorization_code',
    authCodeRepository: {
      issueAuthCode: (client, _user, granted) => ({ code: randomUUID(), expiresAt: expiry(), client, scopes: granted }),
      persist: async (code) => void codes.push(code),
      getByIdentifier: async (id) => assertFound(codes.find(({ code }) => code === id)),
      isRevoked: async (id) => Number(assertFound(codes.find(({ code }) => code === id)).expiresAt) < Date.now(),
      revoke: async (id) => {
        assertFound(codes.find(({ code }) => code === id)).expiresAt = new Date(0);
      },
    },
    userRepository: { getUserByCredentials: async (id) => ({ id }) },
  });
  const accepts = async (token: string): Promise<boolean> => {
    // An access token is a JWT whose `jti` is the stored token.
    const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string };
    return tokens.some((one) => one.accessToken === jti && Number(one.accessTokenExpiresAt) > Date.now());
  };
  return { oauth, accepts };
}

function assertFound<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The entry was not found.');
  return value;
}
