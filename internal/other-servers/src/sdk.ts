import { randomUUID } from 'node:crypto';
import { InvalidGrantError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import type { AuthorizationParams, OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import { mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import express from 'express';
import { serve, type OtherServer } from './serve.ts';

/** Starts the router of `@modelcontextprotocol/sdk` with its own rate limits. The provider logs every user in without a page, as the SDK's demo does. */
export async function startSdkServer(): Promise<OtherServer & { forgetClients(): void }> {
  const clients = new Map<string, OAuthClientInformationFull>();
  const { provider, accepts } = inMemory(clients);
  const server = await serve(async (origin) => {
    const application = express();
    application.use(mcpAuthRouter({ provider, issuerUrl: new URL(origin), scopesSupported: ['tools'] }));
    return application;
  });
  // The SDK writes its issuer as the URL class does, with a slash at the end.
  return { ...server, issuer: `${server.origin}/`, accepts, forgetClients: () => clients.clear() };
}

interface Grant {
  client_id: string;
  scopes: string[];
}

function inMemory(clients: Map<string, OAuthClientInformationFull>): {
  provider: OAuthServerProvider;
  accepts: OtherServer['accepts'];
} {
  const codes = new Map<string, { client_id: string; params: AuthorizationParams }>();
  const accessTokens = new Map<string, Grant>();
  const refreshTokens = new Map<string, Grant>();

  function issue(grant: Grant): OAuthTokens {
    const [access_token, refresh_token] = [randomUUID(), randomUUID()];
    accessTokens.set(access_token, grant);
    refreshTokens.set(refresh_token, grant);
    return { access_token, token_type: 'bearer', expires_in: 3600, refresh_token, scope: grant.scopes.join(' ') };
  }

  const provider: OAuthServerProvider = {
    clientsStore: {
      getClient: (clientId) => clients.get(clientId),
      registerClient: (client) => {
        const full = { client_id: randomUUID(), ...client };
        clients.set(full.client_id, full);
        return full;
      },
    },
    async authorize({ client_id }, params, response) {
      const code = randomUUID();
      codes.set(code, { client_id, params });
      const url = new URL(params.redirectUri);
      url.search = new URLSearchParams({ code, state: params.state ?? '' }).toString();
      response.redirect(url.href);
    },
    async challengeForAuthorizationCode(_client, code) {
      const challenge = codes.get(code)?.params.codeChallenge;
      if (challenge === undefined) throw new InvalidGrantError('unknown code');
      return challenge;
    },
    async exchangeAuthorizationCode({ client_id }, code, _verifier, redirectUri) {
      const found = codes.get(code);
      codes.delete(code);
      if (found?.client_id !== client_id || found.params.redirectUri !== redirectUri)
        throw new InvalidGrantError('the code belongs to another client or redirect URI');
      return issue({ client_id, scopes: found.params.scopes ?? [] });
    },
    async exchangeRefreshToken({ client_id }, refreshToken) {
      const grant = refreshTokens.get(refreshToken);
      refreshTokens.delete(refreshToken);
      if (grant?.client_id !== client_id) throw new InvalidGrantError('unknown refresh token');
      return issue(grant);
    },
    async revokeToken(_client, { token }) {
      accessTokens.delete(token);
      refreshTokens.delete(token);
    },
    async verifyAccessToken(token) {
      const grant = accessTokens.get(token);
      if (grant === undefined) throw new InvalidGrantError('unknown token');
      return { token, clientId: grant.client_id, scopes: grant.scopes };
    },
  };
  return { provider, accepts: async (token) => accessTokens.has(token) };
}
