import { login } from '@oa/loopback';

/** Logs a user in without discovery and without a cache: it fetches the metadata itself, and the caller keeps the token. */
async function logIn(issuer: string, client_id: string, scope?: string) {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  if (!response.ok)
    throw new Error(`${response.url} answered ${response.status}. @oa/discovery tries the other addresses too.`);
  const server = (await response.json()) as { issuer: string; token_endpoint: string };
  if (server.issuer !== issuer) throw new Error(`${issuer} publishes the metadata of another issuer.`);
  return login(server, { client_id }, { scope });
}

// What follows reads the environment, calls the API if there is one, and prints what happened.

const issuer = read('OA_ISSUER', /^https?:\/\/./);
const client_id = read('OA_CLIENT_ID');
const { OA_SCOPE: scope, OA_API: api } = process.env;

try {
  const token = await logIn(issuer, client_id, scope);
  console.log(
    `Logged in. The ${token.token_type} token is valid for ${token.expires_in ?? 'an unknown number of'} seconds.`,
  );
  if (api !== undefined) {
    const response = await fetch(api, { headers: { authorization: `Bearer ${token.access_token}` } });
    console.log(`GET ${api} answered ${response.status}: ${await response.text()}`);
    if (!response.ok) process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const { message } = error;
  console.error(
    message === 'fetch failed' ? 'A server cannot be reached. Check OA_ISSUER, OA_API and the network.' : message,
  );
  process.exitCode = 1;
}

/** Reads a variable. Without the right value it says so, and ends the program. */
function read(name: string, pattern = /./): string {
  const value = process.env[name] ?? '';
  if (pattern.test(value)) return value;
  console.error(
    `${name} ${value === '' ? 'is not set' : 'must be an http or https URL'}. README.md shows all variables.`,
  );
  return process.exit(2);
}
