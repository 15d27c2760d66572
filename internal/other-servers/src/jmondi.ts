import { randomUUID } from 'node:crypto';
import { AuthorizationServer, type OAuthAuthCode, type OAuthClient, type OAuthToken } from '@jmondi/oauth2-server';
import { handleExpressError, handleExpressResponse, requestFromExpress } from '@jmondi/oauth2-server/express';
import express, { type Request, type Response } from 'express';
import { serve, type OtherServer } from './serve.ts';

const SECRET = 's+e&=%/~: x';
const scopes = [{ name: 'read' }, { name: 'write' }];

/** `@jmondi/oauth2-server` with its default options, on express at the paths of its documentation: no metadata. */
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

const soon = (): Date => new Date(Date.now() + 3_600_000);

/** The repositories of its documentation: what is revoked stays, as expired. */
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
      getByIdentifier: async (id) => found(clients.find((one) => one.id === id)),
      isClientValid: async (grantType, client, secret) =>
        client.allowedGrants.includes(grantType) && client.secret === secret,
    },
    {
      issueToken: async (client, granted, user) => {
        const token = { accessToken: randomUUID(), accessTokenExpiresAt: soon(), client, scopes: granted };
        return user ? { ...token, user } : token;
      },
      issueRefreshToken: async (token) =>
        Object.assign(token, { refreshToken: randomUUID(), refreshTokenExpiresAt: soon() }),
      persist: async (token) => void tokens.push(token),
      revoke: async (token) => {
        token.accessTokenExpiresAt = token.refreshTokenExpiresAt = new Date(0);
      },
      isRefreshTokenRevoked: async ({ refreshTokenExpiresAt }) => Number(refreshTokenExpiresAt) < Date.now(),
      getByRefreshToken: async (id) => found(tokens.find(({ refreshToken }) => refreshToken === id)),
      getByAccessToken: async (id) => found(tokens.find(({ accessToken }) => accessToken === id)),
    },
    {
      getAllByIdentifiers: async (names) => scopes.filter(({ name }) => names.includes(name)),
      finalize: async (granted) => granted,
    },
    'the key that signs its tokens',
  );
  oauth.enableGrantType({
    grant: 'authorization_code',
    authCodeRepository: {
      issueAuthCode: (client, _user, granted) => ({ code: randomUUID(), expiresAt: soon(), client, scopes: granted }),
      persist: async (code) => void codes.push(code),
      getByIdentifier: async (id) => found(codes.find(({ code }) => code === id)),
      isRevoked: async (id) => Number(found(codes.find(({ code }) => code === id)).expiresAt) < Date.now(),
      revoke: async (id) => {
        found(codes.find(({ code }) => code === id)).expiresAt = new Date(0);
      },
    },
    userRepository: { getUserByCredentials: async (id) => ({ id }) },
  });
  const accepts = async (token: string): Promise<boolean> => {
    // Its access tokens are JWTs that name the stored token.
    const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string };
    return tokens.some((one) => one.accessToken === jti && Number(one.accessTokenExpiresAt) > Date.now());
  };
  return { oauth, accepts };
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('not found');
  return value;
}
