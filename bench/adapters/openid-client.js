// Its quick start: https://github.com/panva/openid-client#quick-start
import * as openid from 'openid-client';
import { listen, openBrowser } from './login.js';
import { isFresh, load, save, withExpiry } from './store.js';

// The servers of the benchmark have no certificate.
const options = { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] };

function discover(issuer, secret, authentication) {
  return openid.discovery(new URL(issuer), 'bench', secret, authentication, options);
}

function configure({ issuer, tokenEndpoint }, secret, authentication) {
  const server = { issuer, token_endpoint: tokenEndpoint };
  const configuration = new openid.Configuration(server, 'bench', secret, authentication);
  openid.allowInsecureRequests(configuration);
  return configuration;
}

export async function cold({ issuer, api }) {
  const configuration = await discover(issuer, 'secret');
  const { access_token } = await openid.clientCredentialsGrant(configuration);
  const response = await openid.fetchProtectedResource(configuration, access_token, new URL(api), 'GET');
  await response.text();
}

export function grant(settings) {
  const configuration = configure(settings, 'secret');
  return () => openid.clientCredentialsGrant(configuration);
}

export async function login({ issuer, directory }) {
  const configuration = await discover(issuer, undefined, openid.None());
  const { redirectUri, callback } = await listen();
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const url = openid.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope: 'read',
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
  });
  openBrowser(url.href);
  const checks = { pkceCodeVerifier, expectedState };
  save(directory, withExpiry(await openid.authorizationCodeGrant(configuration, await callback, checks)));
}

export async function refresh(settings) {
  const stored = load(settings.directory);
  if (isFresh(stored)) return;
  const configuration = configure(settings, undefined, openid.None());
  save(settings.directory, withExpiry(await openid.refreshTokenGrant(configuration, stored.refresh_token)));
}
