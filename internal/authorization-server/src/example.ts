/** What every example does around its program: give it a server to talk to, run it, say what arrived. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoggedRequest } from './log.ts';
import { personPresent, runProgram, startAgent } from './program.ts';
import { startProtectedApi } from './protected-api.ts';
import { startAuthorizationServer, type AuthorizationServerHandle } from './server.ts';

export interface Example {
  /** The client that the programs call the API with. Left out where they only register one. */
  client?: 'confidential' | 'public';
  /** Paths of the programs, run one after the other, each in its own process. */
  programs: string[];
  /** The same programs, with the agent in place of a person. Used where nobody has a browser here. */
  agentPrograms?: string[];
}

/** Runs an example: against the issuer of `--issuer` or `OA_ISSUER`, else against an embedded server. Sets the exit code. */
export async function runExample(example: Example): Promise<void> {
  const args = process.argv.slice(2);
  const programs = [...new Set(example.programs)];
  const help = args.includes('--help') || args.includes('-h');
  const real = args.some((arg) => /^--issuer(=.*)?$/.test(arg)) || process.env.OA_ISSUER !== undefined;
  if (help) process.exitCode = await runAll(programs.slice(0, 1), args, {});
  else process.exitCode = real ? await runAll(programs, args, {}) : await runEmbedded(example, args);
}

async function runEmbedded(example: Example, args: string[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'oa-example-'));
  await using server = await startAuthorizationServer();
  await using api = await startProtectedApi(server);
  await using agent = await startAgent(server);
  say(`Embedded authorization server: ${server.issuer} (--issuer names a real one)`);
  const alone = example.agentPrograms !== undefined && !personPresent();
  if (alone) say('No terminal with a display here: an agent fills in the login and consent forms instead of a person.');
  const target = ['--issuer', server.issuer, ...clientFlags(example, server, api.url), ...args];
  const env = {
    XDG_CACHE_HOME: join(directory, 'cache'),
    XDG_CONFIG_HOME: join(directory, 'config'),
    LOCALAPPDATA: directory,
    OA_CLIENT_SECRET: example.client === 'confidential' ? server.confidential.client_secret : undefined,
    ...agent.env,
  };
  try {
    return await runAll(alone ? (example.agentPrograms ?? []) : example.programs, target, env, () => {
      const seen = [...server.requests.splice(0), ...api.requests.splice(0)].filter((one) => !isPage(one));
      return `Requests: ${seen.map(describe).join(', ') || 'none'}`;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runAll(
  programs: string[],
  args: string[],
  env: Record<string, string | undefined>,
  summary?: () => string,
): Promise<number> {
  for (const [index, program] of programs.entries()) {
    if (programs.length > 1) say(`\n── process ${index + 1} of ${programs.length}`);
    const status = (await runProgram(program, args, env, 'inherit')).status ?? 1;
    if (summary !== undefined) say(summary());
    if (status !== 0) return status;
  }
  return 0;
}

function clientFlags({ client }: Example, server: AuthorizationServerHandle, api: string): string[] {
  return client === undefined ? [] : ['--client-id', server[client].client_id, '--api', api];
}

/** The pages are the business of the person or the agent; what the program itself asked for is of interest. */
function isPage({ path }: LoggedRequest): boolean {
  return path.startsWith('/interaction') || path.startsWith('/authorize') || path === '/favicon.ico';
}

function describe({ method, path, grant_type, status }: LoggedRequest): string {
  return `${method} ${path}${grant_type === undefined ? '' : ` (${grant_type})`} ${status}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
