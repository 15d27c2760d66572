// Its README, with the functions for stored tokens: https://github.com/badgateway/oauth2-client#readme
import { generateCodeVerifier, OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client';
import { listen, openBrowser } from './login.js';
import { load, save } from './store.js';

const DISCOVERY = { discoveryEndpoint: '/.well-known/oauth-authorization-server' };

function createClient({ issuer, tokenEndpoint }, clientSecret) {
  return new OAuth2Client({ server: issuer, clientId: 'bench', clientSecret, tokenEndpoint, ...DISCOVERY });
}

function createFetch(client, directory) {
  return new OAuth2Fetch({
    client,
    getNewToken: () => client.clientCredentials(),
    ...(directory !== undefined && {
      getStoredToken: () => load(directory),
      storeToken: (token) => save(directory, token),
    }),
    scheduleRefresh: false,
  });
}

export async function cold({ issuer, api }) {
  const oauth = createFetch(createClient({ issuer }, 'secret'));
  await (await oauth.fetch(api)).text();
}

export async function fresh(settings) {
  await createFetch(createClient(settings), settings.directory).getAccessToken();
}

export function get(settings) {
  const oauth = createFetch(createClient(settings, 'secret'));
  return () => oauth.getAccessToken();
}

export function grant(settings) {
  const client = createClient(settings, 'secret');
  return () => client.clientCredentials();
}

export async function login({ issuer, directory }) {
  const client = createClient({ issuer });
  const { redirectUri, callback } = await listen();
  const checks = { redirectUri, state: crypto.randomUUID(), codeVerifier: await generateCodeVerifier() };
  openBrowser(await client.authorizationCode.getAuthorizeUri({ ...checks, scope: ['read'] }));
  save(directory, await client.authorizationCode.getTokenFromCodeRedirect(await callback, checks));
}

export async function refresh(settings) {
  await createFetch(createClient(settings), settings.directory).getAccessToken();
}
