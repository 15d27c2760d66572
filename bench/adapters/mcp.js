// The interface OAuthClientProvider, the provider for client credentials and the middleware of
// https://github.com/modelcontextprotocol/typescript-sdk, the client of version 2.
import { applyMiddlewares, auth, ClientCredentialsProvider, fetchToken, withOAuth } from '@modelcontextprotocol/client';
import { listen, openBrowser } from './login.js';
import { load, save } from './store.js';

function createJobProvider(issuer) {
  return new ClientCredentialsProvider({ clientId: 'bench', clientSecret: 'secret', expectedIssuer: issuer });
}

/** A provider of a user's token, which it keeps in a file. A new login does not use the token of an earlier one. */
function createUserProvider(directory, redirectUrl, isLogin) {
  const state = crypto.randomUUID();
  let verifier;
  return {
    redirectUrl,
    clientMetadata: { redirect_uris: [redirectUrl], token_endpoint_auth_method: 'none', scope: 'read' },
    state: () => state,
    clientInformation: () => ({ client_id: 'bench' }),
    tokens: () => (isLogin ? undefined : load(directory)),
    saveTokens: (tokens) => save(directory, tokens),
    redirectToAuthorization: (url) => openBrowser(url.href),
    saveCodeVerifier: (created) => (verifier = created),
    codeVerifier: () => verifier,
  };
}

export async function cold({ issuer, api }) {
  const request = applyMiddlewares(withOAuth(createJobProvider(issuer), api))(fetch);
  await (await request(api)).text();
}

export function grant({ issuer, tokenEndpoint }) {
  const metadata = { issuer, token_endpoint: tokenEndpoint, response_types_supported: ['code'] };
  const provider = createJobProvider(issuer);
  return () => fetchToken(provider, issuer, { metadata });
}

export async function login({ api, directory }) {
  const { redirectUri, callback } = await listen();
  const provider = createUserProvider(directory, redirectUri, true);
  await auth(provider, { serverUrl: api });
  const answer = (await callback).searchParams;
  if (answer.get('state') !== provider.state()) throw new Error('The state is wrong.');
  await auth(provider, { serverUrl: api, authorizationCode: answer.get('code'), iss: answer.get('iss') });
}

/** The SDK does not know when a token expires, so a 401 of the API makes it refresh. */
export async function refresh({ api, directory }) {
  const request = applyMiddlewares(withOAuth(createUserProvider(directory, 'http://127.0.0.1/callback', false), api))(
    fetch,
  );
  await (await request(api)).text();
}
