import { parseArgs } from 'node:util';
import { MetadataError } from './log-in.ts';

export interface Target {
  issuer: string;
  client_id: string;
  scope?: string;
  api?: string;
}

const USAGE = `Usage: npx -y pnpm@12 -C examples/pkce-only start --issuer <url> --client-id <id> [--api <url>] [--scope <scopes>]

  --issuer     the authorization server (or the environment variable OA_ISSUER)
  --client-id  a native client that may redirect to http://127.0.0.1/callback, on any port
  --scope      scopes, separated by spaces
  --api        the URL to call with the token

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
  const issuer = requireUrl('--issuer', flags.issuer ?? process.env.OA_ISSUER);
  if (!flags['client-id']) throw new UsageError('--client-id is missing.');
  return {
    issuer,
    client_id: flags['client-id'],
    ...(flags.api !== undefined && { api: requireUrl('--api', flags.api) }),
    ...(flags.scope !== undefined && { scope: flags.scope }),
  };
}

/** Prints what went wrong, and returns the exit code: 2 for a wrong command line, 1 for every other failure. */
export function report(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (error instanceof TypeError && error.message === 'fetch failed') {
    console.error('The issuer or the API cannot be reached. Check --issuer, --api and the network.');
    return 1;
  }
  if (error instanceof MetadataError) {
    console.error(error.message);
    return 1;
  }
  // Without @oa/types there is no `isOAuthError`. The name is enough: every @oa package throws OAuthError.
  if (!(error instanceof Error && error.name === 'OAuthError' && 'code' in error)) throw error;
  console.error(`${String(error.code)}: ${error.message}`);
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
