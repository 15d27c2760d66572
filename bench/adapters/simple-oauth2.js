// Its README: https://github.com/lelylan/simple-oauth2#readme. It has no discovery and no PKCE: both are done by hand.
import { AuthorizationCode, ClientCredentials } from 'simple-oauth2';
import { listen, openBrowser } from './login.js';
import { load, save } from './store.js';

const EXPIRATION_WINDOW_SECONDS = 300;

async function discover(issuer) {
  return (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
}

function configure(tokenEndpoint, secret, authorizationEndpoint) {
  const { origin: tokenHost, pathname: tokenPath } = new URL(tokenEndpoint);
  const authorizePath = authorizationEndpoint && new URL(authorizationEndpoint).pathname;
  return {
    client: { id: 'bench', secret },
    auth: { tokenHost, tokenPath, ...(authorizePath && { authorizePath }) },
    options: { authorizationMethod: 'body' },
  };
}

async function unexpired(client, directory) {
  const token = client.createToken(load(directory));
  if (!token.expired(EXPIRATION_WINDOW_SECONDS)) return;
  save(directory, await token.refresh());
}

export async function cold({ issuer, api }) {
  const { token_endpoint } = await discover(issuer);
  const { token } = await new ClientCredentials(configure(token_endpoint, 'secret')).getToken({});
  await (await fetch(api, { headers: { authorization: `Bearer ${token.access_token}` } })).text();
}

export async function fresh({ tokenEndpoint, directory }) {
  await unexpired(new AuthorizationCode(configure(tokenEndpoint, '')), directory);
}

export async function get({ tokenEndpoint }) {
  const client = new ClientCredentials(configure(tokenEndpoint, 'secret'));
  let token = await client.getToken({});
  return async () => {
    if (token.expired(EXPIRATION_WINDOW_SECONDS)) token = await client.getToken({});
    return token.token.access_token;
  };
}

export function grant({ tokenEndpoint }) {
  const client = new ClientCredentials(configure(tokenEndpoint, 'secret'));
  return () => client.getToken({});
}

export async function login({ issuer, directory }) {
  const { authorization_endpoint, token_endpoint } = await discover(issuer);
  const client = new AuthorizationCode(configure(token_endpoint, '', authorization_endpoint));
  const { redirectUri: redirect_uri, callback } = await listen();
  const { createHash, randomBytes } = process.getBuiltinModule('node:crypto');
  const code_verifier = randomBytes(32).toString('base64url');
  const code_challenge = createHash('sha256').update(code_verifier).digest('base64url');
  const state = randomBytes(16).toString('base64url');
  openBrowser(
    client.authorizeURL({ redirect_uri, scope: 'read', state, code_challenge, code_challenge_method: 'S256' }),
  );
  const answer = (await callback).searchParams;
  if (answer.get('state') !== state) throw new Error('The state is wrong.');
  save(directory, await client.getToken({ code: answer.get('code'), redirect_uri, code_verifier }));
}

export const refresh = fresh;
