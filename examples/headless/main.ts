import { createFetch } from '@oa/fetch';
import { createManager, type Credentials } from '@oa/manager';
import { isOAuthError } from '@oa/types';

/** Creates a `fetch` that carries the job's token: cached while it is fresh, else from the client credentials grant. */
function createJobFetch(issuer: string, job: Credentials, api: string): typeof fetch {
  const manager = createManager({ app: 'example-headless' });
  return createFetch(manager.source(issuer, job), { origins: [new URL(api).origin] });
}

// What follows reads the environment, calls the API and prints what happened.

const issuer = read('OA_ISSUER', /^https?:\/\/./);
const api = read('OA_API', /^https?:\/\/./);
const client_id = read('OA_CLIENT_ID');
const client_secret = read('OA_CLIENT_SECRET');

try {
  const response = await createJobFetch(issuer, { client_id, client_secret, scope: process.env.OA_SCOPE }, api)(api);
  console.log(`GET ${api} answered ${response.status}: ${await response.text()}`);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  if (isOAuthError(error)) console.error(`${error.code}: ${error.message}`);
  else if (error instanceof TypeError && error.message === 'fetch failed')
    console.error(`${api} cannot be reached. Check OA_API and the network.`);
  else throw error;
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
