import { parseArgs } from 'node:util';
import { isOAuthError } from '@oa/types';

export interface Target {
  issuer: string;
  client_id?: string | undefined;
  scope?: string | undefined;
  api: string;
}

const USAGE = `Usage: npx -y pnpm@12 -C examples/cli-login start --issuer <url> --api <url> [--client-id <id>] [--scope <scopes>]

  --issuer     the authorization server (or the environment variable OA_ISSUER)
  --api        the URL to call with the token
  --client-id  a native client; without it the program registers itself
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

/** Reads the command line. */
export function readTarget(): Target {
  const flags = parse();
  if (flags.help === true) {
    console.log(USAGE);
    process.exit(0);
  }
  return {
    issuer: requireUrl('--issuer', flags.issuer ?? process.env.OA_ISSUER),
    api: requireUrl('--api', flags.api),
    client_id: flags['client-id'],
    scope: flags.scope,
  };
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
