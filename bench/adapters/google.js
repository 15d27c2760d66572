// Its README, section OAuth2: https://github.com/googleapis/google-auth-library-nodejs#oauth2. It has no discovery for other servers than
// those of Google.
import { CodeChallengeMethod, OAuth2Client } from 'google-auth-library';
import { listen, openBrowser } from './login.js';
import { load, save } from './store.js';

function createClient({ issuer }, redirectUri) {
  const endpoints = { oauth2AuthBaseUrl: `${issuer}/authorize`, oauth2TokenUrl: `${issuer}/token` };
  return new OAuth2Client({ clientId: 'bench', clientSecret: '', redirectUri, endpoints });
}

function createStoredClient(settings) {
  const client = createClient(settings);
  const stored = load(settings.directory);
  client.on('tokens', (tokens) => save(settings.directory, { ...stored, ...tokens }));
  client.setCredentials(stored);
  return client;
}

export async function fresh(settings) {
  await createStoredClient(settings).getAccessToken();
}

export function get(settings) {
  const client = createClient(settings);
  client.setCredentials({ access_token: 'token', refresh_token: 'refresh', expiry_date: Date.now() + 3_600_000 });
  return () => client.getAccessToken();
}

export async function login(settings) {
  const { redirectUri, callback } = await listen();
  const client = createClient(settings, redirectUri);
  const { codeVerifier, codeChallenge } = await client.generateCodeVerifierAsync();
  const state = crypto.randomUUID();
  const url = client.generateAuthUrl({
    access_type: 'offline',
    scope: 'read',
    state,
    code_challenge_method: CodeChallengeMethod.S256,
    code_challenge: codeChallenge,
  });
  openBrowser(url);
  const answer = (await callback).searchParams;
  if (answer.get('state') !== state) throw new Error('The state is wrong.');
  const { tokens } = await client.getToken({ code: answer.get('code'), codeVerifier });
  save(settings.directory, tokens);
}

export const refresh = fresh;
