import { parseArgs } from 'node:util';
import { isOAuthError } from '@oa/types';

const USAGE = `Usage: npx -y pnpm@12 -C examples/register-once start --issuer <url>

  --issuer  an authorization server with dynamic client registration (or the environment variable OA_ISSUER)

Without an issuer the example runs against an embedded server.`;

const OPTIONS = { issuer: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;

class UsageError extends Error {}

/** Reads the command line. */
export function readIssuer(): string {
  const flags = parse();
  if (flags.help === true) {
    console.log(USAGE);
    process.exit(0);
  }
  return requireUrl('--issuer', flags.issuer ?? process.env.OA_ISSUER);
}

/** Prints what went wrong, and returns the exit code: 2 for a wrong command line, 1 for every other failure. */
export function report(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
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
