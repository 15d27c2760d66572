import { createFetch } from '@oa/fetch';
import { createManager, type Credentials } from '@oa/manager';
import { isOAuthError } from '@oa/types';
import { fileToken } from '@oa/workload-identity';

/** Creates a `fetch` for a job that has no secret: it gets its access tokens for the token that the platform keeps in a file. */
function createJobFetch(issuer: string, tokenFile: string, job: Credentials, api: string): typeof fetch {
  const manager = createManager({ app: 'example-workload' });
  const credentials: Credentials = {
    ...job,
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: fileToken(tokenFile), // reads the file each time a new access token is needed
    subject: 'this job', // a label for the cache, which is not sent
  };
  return createFetch(manager.source(issuer, credentials), { origins: [new URL(api).origin] });
}

// What follows reads the command line and the environment, calls the API and prints what happened.

const names = process.argv.slice(2);
const issuer = read('OA_ISSUER', /^https?:\/\/./);
const api = read('OA_API', /^https?:\/\/./);
const tokenFile = read('OA_TOKEN_FILE');
const { OA_CLIENT_ID: client_id, OA_SCOPE: scope } = process.env;

try {
  const fetch = createJobFetch(issuer, tokenFile, { client_id, scope }, api);
  for (const url of names.length === 0 ? [api] : names.map((name) => `${api}/${name}`)) {
    const response = await fetch(url);
    console.log(`GET ${url} answered ${response.status}: ${await response.text()}`);
    if (!response.ok) process.exitCode = 1;
  }
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
