// The README of @oa/manager.
import { createManager } from '@oa/manager';
import { openBrowser } from './login.js';

const CLIENT = { client_id: 'bench', client_secret: 'secret' };
const USER = { client_id: 'bench', scope: 'read' };

/** Tokens and metadata are in files below `$XDG_CACHE_HOME` and `$XDG_CONFIG_HOME`, which the process that measures sets. */
function createBenchManager() {
  return createManager({ app: 'bench', interaction: 'always', login: { openBrowser, print: () => {} } });
}

export async function cold({ issuer, api }) {
  const { access_token } = await createBenchManager().getToken(issuer, CLIENT);
  await (await fetch(api, { headers: { authorization: `Bearer ${access_token}` } })).text();
}

export async function fresh({ issuer }) {
  await createBenchManager().getToken(issuer, USER, { interaction: 'never' });
}

export function get({ issuer }) {
  const manager = createBenchManager();
  return () => manager.getToken(issuer, CLIENT);
}

export function source({ issuer }) {
  return createBenchManager().source(issuer, CLIENT);
}

export async function grant({ issuer, tokenEndpoint }) {
  const { clientCredentials } = await import('@oa/client-credentials');
  return () => clientCredentials({ issuer, token_endpoint: tokenEndpoint }, CLIENT);
}

export async function login({ issuer }) {
  await createBenchManager().getToken(issuer, USER);
}

export const refresh = fresh;

export function oneMore({ issuer }) {
  const manager = createBenchManager();
  return () => manager.getToken(issuer, { ...CLIENT, profile: crypto.randomUUID() });
}

/** Another process refreshes the same token. */
export const wait = fresh;

/** One token after the other, as a program with many tokens takes them. */
export async function list({ tokens }) {
  const { fileTokenCache } = await import('@oa/token-cache');
  let count = 0;
  for await (const _ of fileTokenCache({ directory: tokens }).list()) count++;
  if (count < 2) throw new Error('The tokens are damaged.');
}
