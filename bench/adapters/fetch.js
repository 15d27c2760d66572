// The floor: what the work costs with the platform alone, written for these jobs and nothing else.
import { listen, openBrowser } from './login.js';
import { isFresh, load, save, withExpiry } from './store.js';

const CLIENT = { client_id: 'bench', client_secret: 'secret' };

async function requestToken(endpoint, parameters) {
  const response = await fetch(endpoint, { method: 'POST', body: new URLSearchParams(parameters) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

async function discover(issuer) {
  return (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
}

export async function cold({ issuer, api }) {
  const { token_endpoint } = await discover(issuer);
  const { access_token } = await requestToken(token_endpoint, { grant_type: 'client_credentials', ...CLIENT });
  await (await fetch(api, { headers: { authorization: `Bearer ${access_token}` } })).text();
}

export function fresh({ directory }) {
  if (!isFresh(load(directory))) throw new Error('The token has expired.');
}

export function get() {
  const tokens = new Map([['key', { access_token: 'token' }]]);
  return async () => tokens.get('key');
}

export const source = get;

export function grant({ tokenEndpoint }) {
  return () => requestToken(tokenEndpoint, { grant_type: 'client_credentials', ...CLIENT });
}

export async function login({ issuer, directory }) {
  const { authorization_endpoint, token_endpoint } = await discover(issuer);
  const { redirectUri, callback } = await listen();
  const { createHash, randomBytes } = process.getBuiltinModule('node:crypto');
  const code_verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const parameters = {
    response_type: 'code',
    client_id: 'bench',
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
    scope: 'read',
  };
  openBrowser(`${authorization_endpoint}?${new URLSearchParams(parameters)}`);
  const answer = (await callback).searchParams;
  if (answer.get('state') !== state) throw new Error('The state is wrong.');
  const token = await requestToken(token_endpoint, {
    grant_type: 'authorization_code',
    client_id: 'bench',
    code: answer.get('code'),
    code_verifier,
    redirect_uri: redirectUri,
  });
  save(directory, withExpiry(token));
}

export async function refresh({ tokenEndpoint, directory }) {
  const stored = load(directory);
  if (isFresh(stored)) return;
  const { refresh_token } = stored;
  const token = await requestToken(tokenEndpoint, { grant_type: 'refresh_token', client_id: 'bench', refresh_token });
  save(directory, withExpiry(token));
}

export function oneMore({ tokenEndpoint, tokens }) {
  process.getBuiltinModule('node:fs').mkdirSync(tokens, { recursive: true });
  return async () => {
    const token = await requestToken(tokenEndpoint, { grant_type: 'client_credentials', ...CLIENT });
    save(tokens, withExpiry(token), `${crypto.randomUUID()}.token`);
  };
}

/** The floor of waiting is a process that has nothing to do. */
export function wait({ sampleMs }) {
  return new Promise((resolve) => setTimeout(resolve, 3 * sampleMs));
}

export async function list({ tokens }) {
  const { readdirSync, readFileSync } = process.getBuiltinModule('node:fs');
  return readdirSync(tokens)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(`${tokens}/${name}`, 'utf8')).token.expires_at);
}
