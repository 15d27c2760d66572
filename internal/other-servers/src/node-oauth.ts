import OAuth2Server, { type AuthorizationCode, type Client, type Token, type User } from '@node-oauth/oauth2-server';
import express, { type Request, type Response } from 'express';
import { serve, type OtherServer } from './serve.ts';

/** The secret holds the characters of RFC 6749 appendix A.2 (VSCHAR) that clients often encode wrongly. */
const SECRET = 's+e&=%/~: x';

/** Starts `@node-oauth/oauth2-server` with its default options, on express as its documentation shows. It has no metadata. */
export async function startNodeOauthServer(redirectUri: string): Promise<
  OtherServer & {
    /** What the server operator would publish instead of metadata. */
    metadata: { issuer: string; token_endpoint: string; authorization_endpoint: string };
    confidential: { client_id: string; client_secret: string };
    /** An installed program that has a secret. */
    desktop: { client_id: string; client_secret: string };
    public: { client_id: string };
  }
> {
  const { model, accepts } = inMemory(redirectUri);
  const oauth = new OAuth2Server({ model, authenticateHandler: { handle: () => ({ id: 'ada' }) } });
  const server = await serve(async () => {
    const application = express();
    application.use(express.urlencoded({ extended: false }));
    application.get('/oauth/authorize', (request, response) => answer(oauth.authorize.bind(oauth), request, response));
    application.post('/oauth/token', (request, response) => answer(oauth.token.bind(oauth), request, response));
    return application;
  });
  return {
    ...server,
    issuer: server.origin,
    metadata: {
      issuer: server.origin,
      token_endpoint: `${server.origin}/oauth/token`,
      authorization_endpoint: `${server.origin}/oauth/authorize`,
    },
    confidential: { client_id: 'job', client_secret: SECRET },
    desktop: { client_id: 'desktop', client_secret: SECRET },
    public: { client_id: 'public' },
    accepts,
  };
}

type Handler = (request: OAuth2Server.Request, response: OAuth2Server.Response) => Promise<unknown>;

/** Does what the library's wrappers for express do. */
async function answer(handler: Handler, request: Request, response: Response): Promise<void> {
  const oauthResponse = new OAuth2Server.Response(response);
  await handler(new OAuth2Server.Request(request), oauthResponse).catch((error: unknown) => {
    if (!(error instanceof OAuth2Server.OAuthError)) throw error;
    if (oauthResponse.status !== 200) return;
    // The library only throws for an error that it finds before it knows the redirect URI.
    oauthResponse.status = error.code;
    oauthResponse.body = { error: error.name, error_description: error.message };
  });
  response
    .set(oauthResponse.headers)
    .status(oauthResponse.status ?? 500)
    .send(oauthResponse.body);
}

function inMemory(redirectUri: string): {
  model: OAuth2Server.ServerOptions['model'];
  accepts: OtherServer['accepts'];
} {
  const login = { grants: ['authorization_code', 'refresh_token'], redirectUris: [redirectUri] };
  const clients: Client[] = [
    { id: 'job', secret: SECRET, grants: ['client_credentials'] },
    { id: 'desktop', secret: SECRET, ...login },
    { id: 'public', ...login },
  ];
  const codes = new Map<string, AuthorizationCode>();
  const tokens = new Map<string, Token>();
  const model: OAuth2Server.AuthorizationCodeModel &
    OAuth2Server.RefreshTokenModel &
    OAuth2Server.ClientCredentialsModel = {
    // The authorization endpoint calls this with `null`, because the request has no secret.
    getClient: async (id: string, secret: string | null) =>
      clients.find((one) => one.id === id && (secret === null || one['secret'] === secret)),
    getUserFromClient: async ({ id }) => ({ id }),
    saveAuthorizationCode: async (code, client: Client, user: User) => {
      const saved = { ...code, client, user };
      codes.set(code.authorizationCode, saved);
      return saved;
    },
    getAuthorizationCode: async (code) => codes.get(code),
    revokeAuthorizationCode: async ({ authorizationCode }) => codes.delete(authorizationCode),
    saveToken: async (token, client, user) => {
      const saved = { ...token, client, user };
      tokens.set(token.accessToken, saved);
      return saved;
    },
    getAccessToken: async (accessToken) => tokens.get(accessToken),
    getRefreshToken: async (refreshToken) => {
      const token = [...tokens.values()].find((one) => one.refreshToken === refreshToken);
      return token === undefined ? undefined : { ...token, refreshToken };
    },
    revokeToken: async ({ refreshToken }) => {
      const found = [...tokens].find(([, one]) => one.refreshToken === refreshToken);
      return found !== undefined && tokens.delete(found[0]);
    },
  };
  return { model, accepts: async (accessToken) => tokens.has(accessToken) };
}
