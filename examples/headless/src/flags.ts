import { parseArgs } from 'node:util';
import { isOAuthError } from '@oa/types';

export interface Job {
  issuer: string;
  client_id: string;
  client_secret: string;
  scope?: string | undefined;
  api: string;
}

const USAGE = `Usage: npx -y pnpm@12 -C examples/headless start --issuer <url> --client-id <id> --api <url> [--scope <scopes>]

  --issuer     the authorization server (or the environment variable OA_ISSUER)
  --client-id  a client for the client credentials grant; the program reads its secret from OA_CLIENT_SECRET
  --api        the URL to call with the token
  --scope      scopes, separated by spaces

Without an issuer the example runs against an embedded server.`;

const OPTIONS = {
  issuer: { type: 'string' },
  'client-id': { type: 'string' },
  scope: { type: 'string' },
  api: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

class UsageError extends Error {}

/** Reads the command line. The secret is not a flag: every user of the machine can read the flags of a process. */
export function readJob(): Job {
  const flags = parse();
  if (flags.help === true) {
    console.log(USAGE);
    process.exit(0);
  }
  const issuer = requireUrl('--issuer', flags.issuer ?? process.env.OA_ISSUER);
  const api = requireUrl('--api', flags.api);
  const client_id = flags['client-id'];
  if (!client_id) throw new UsageError('--client-id is missing.');
  const client_secret = process.env.OA_CLIENT_SECRET;
  if (!client_secret)
    throw new UsageError('The environment variable OA_CLIENT_SECRET must hold the secret of the client.');
  return { issuer, api, client_id, client_secret, scope: flags.scope };
}

/** Prints what went wrong, and returns the exit code: 2 for a wrong command line, 1 for every other failure. */
export function report(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (error instanceof TypeError && error.message === 'fetch failed') {
    console.error('The API cannot be reached. Check --api and the network.');
    return 1;
  }
  if (!isOAuthError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  if (error.error === 'invalid_client') console.error('Check --client-id and OA_CLIENT_SECRET.');
  if (error.retryable) console.error('The failure may be temporary. Try again later.');
  return 1;
}

function requireUrl(name: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`${name} is missing.`);
  if (!/^https?:$/.test(URL.parse(value)?.protocol ?? ''))
    throw new UsageError(`${name} must be an http or https URL.`);
  return value;
}

/** Parses the flags. The messages of `parseArgs` are for users as they are. */
function parse() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw error instanceof Error ? new UsageError(error.message) : error;
  }
}
