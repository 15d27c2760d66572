/** Runs an example: gives its programs a server to talk to, and prints the requests that arrived there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '@oa-internal/testing';
import { hasTerminalAndDisplay, startAgent } from './agent-server.ts';
import type { LoggedRequest } from './log.ts';
import { startProtectedApi } from './protected-api.ts';
import { startAuthorizationServer, type AuthorizationServerHandle } from './server.ts';

export interface Example {
  /** The client that the programs call the API with. Left out if they only register one. */
  client?: 'confidential' | 'public';
  /** Paths of the programs. They run one after the other, each in its own process. */
  programs: string[];
  /** The same programs with the agent instead of a user. They run where there is no terminal or no display. */
  agentPrograms?: string[];
}

/** Runs an example against the issuer of `--issuer` or `OA_ISSUER`, else against an embedded server. Sets the exit code. */
export async function runExample(example: Example): Promise<void> {
  const args = process.argv.slice(2);
  const programs = [...new Set(example.programs)];
  const help = args.includes('--help') || args.includes('-h');
  const hasIssuer = args.some((arg) => /^--issuer(=.*)?$/.test(arg)) || process.env.OA_ISSUER !== undefined;
  if (help) process.exitCode = await runAll(programs.slice(0, 1), args, {});
  else process.exitCode = hasIssuer ? await runAll(programs, args, {}) : await runEmbedded(example, args);
}

async function runEmbedded(example: Example, args: string[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'oa-example-'));
  await using server = await startAuthorizationServer();
  await using api = await startProtectedApi(server);
  await using agent = await startAgent(server);
  print(`Embedded authorization server: ${server.issuer} (use your own with --issuer)`);
  const usesAgent = example.agentPrograms !== undefined && !hasTerminalAndDisplay();
  if (usesAgent)
    print('There is no terminal or no display: an agent fills in the login and consent forms instead of a user.');
  const flags = ['--issuer', server.issuer, ...clientFlags(example, server, api.url), ...args];
  const env = {
    XDG_CACHE_HOME: join(directory, 'cache'),
    XDG_CONFIG_HOME: join(directory, 'config'),
    LOCALAPPDATA: directory,
    OA_CLIENT_SECRET: example.client === 'confidential' ? server.confidential.client_secret : undefined,
    ...agent.env,
  };
  try {
    return await runAll(usesAgent ? (example.agentPrograms ?? []) : example.programs, flags, env, () => {
      const arrived = [...server.requests.splice(0), ...api.requests.splice(0)].filter((request) => !isPage(request));
      return `Requests: ${arrived.map(describe).join(', ') || 'none'}`;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Runs the programs until one fails, and resolves to its exit code, else to 0. */
async function runAll(
  programs: string[],
  args: string[],
  env: Record<string, string | undefined>,
  summary?: () => string,
): Promise<number> {
  for (const [index, program] of programs.entries()) {
    if (programs.length > 1) print(`\n── process ${index + 1} of ${programs.length}`);
    const { code } = await startProcess(program, { args, env: { ...process.env, ...env }, inherit: true }).ended;
    if (summary !== undefined) print(summary());
    if (code !== 0) return code ?? 1;
  }
  return 0;
}

function clientFlags({ client }: Example, server: AuthorizationServerHandle, api: string): string[] {
  return client === undefined ? [] : ['--client-id', server[client].client_id, '--api', api];
}

/** Whether the user's browser or the agent made this request, and not the program. */
function isPage({ path }: LoggedRequest): boolean {
  return path.startsWith('/interaction') || path.startsWith('/authorize') || path === '/favicon.ico';
}

function describe({ method, path, grant_type, status }: LoggedRequest): string {
  return `${method} ${path}${grant_type === undefined ? '' : ` (${grant_type})`} ${status}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
