// Its examples oauth.ts and client_credentials.ts: https://github.com/panva/oauth4webapi/tree/main/examples
import * as oauth from 'oauth4webapi';
import { listen, openBrowser } from './login.js';
import { isFresh, load, save, withExpiry } from './store.js';

// The servers of the benchmark have no certificate.
const options = { [oauth.allowInsecureRequests]: true };
const client = { client_id: 'bench' };
const authentication = oauth.ClientSecretPost('secret');

async function discover(issuer) {
  const url = new URL(issuer);
  const response = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...options });
  return oauth.processDiscoveryResponse(url, response);
}

async function clientCredentials(server) {
  const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, {}, options);
  return oauth.processClientCredentialsResponse(server, client, response);
}

export async function cold({ issuer, api }) {
  const { access_token } = await clientCredentials(await discover(issuer));
  const response = await oauth.protectedResourceRequest(access_token, 'GET', new URL(api), undefined, null, options);
  await response.text();
}

export function grant({ issuer, tokenEndpoint }) {
  return () => clientCredentials({ issuer, token_endpoint: tokenEndpoint });
}

export async function login({ issuer, directory }) {
  const server = await discover(issuer);
  const { redirectUri, callback } = await listen();
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  const parameters = {
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'read',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  openBrowser(url.href);
  const answer = oauth.validateAuthResponse(server, client, await callback, state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    answer,
    redirectUri,
    verifier,
    options,
  );
  save(directory, withExpiry(await oauth.processAuthorizationCodeResponse(server, client, response)));
}

export async function refresh({ issuer, tokenEndpoint, directory }) {
  const stored = load(directory);
  if (isFresh(stored)) return;
  const server = { issuer, token_endpoint: tokenEndpoint };
  const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), stored.refresh_token, options);
  save(directory, withExpiry(await oauth.processRefreshTokenResponse(server, client, response)));
}
