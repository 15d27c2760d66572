/** Runs an example: gives its program a server to talk to, and prints the requests that arrived there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startProcess } from '@oa-internal/testing';
import { agentEnvironment, hasTerminalAndDisplay } from './agent-environment.ts';
import type { LoggedRequest } from './log.ts';
import { startProtectedApi, type ProtectedApi } from './protected-api.ts';
import { startAuthorizationServer, type AuthorizationServerHandle } from './server.ts';
import { startWorkloadPlatform, type WorkloadPlatform } from './workload-platform.ts';

export interface Example {
  program: string;
  /** The arguments of each run. The runs are processes, one after the other. */
  runs: readonly (readonly string[])[];
  /** The client of the embedded server that the program is. @default none */
  client?: 'confidential' | 'public';
  /** Whether the program logs a user in. @default where it is the public client */
  hasLogin?: boolean;
  /** Whether a platform that the server trusts gives the program a token in the file `OA_TOKEN_FILE`. @default false */
  hasPlatform?: boolean;
  /** Starts the API that the program calls. @default startProtectedApi */
  startApi?: (server: AuthorizationServerHandle, platform: WorkloadPlatform | undefined) => Promise<ProtectedApi>;
}

/** The variables of the user's own server. With one of them the program runs, and says which others it misses. */
const OWN_SERVER_VARIABLES = ['OA_ISSUER', 'OA_CLIENT_ID', 'OA_API', 'OA_TOKEN_FILE'];

/**
 * Runs an example against an embedded server. With arguments, or with a variable of the user's own server, it runs the program once
 * instead. Sets the exit code.
 */
export async function runExample(example: Example): Promise<void> {
  const args = process.argv.slice(2);
  const isDirect = args.length > 0 || OWN_SERVER_VARIABLES.some((name) => process.env[name] !== undefined);
  process.exitCode = isDirect ? await run(example.program, args, process.env) : await runEmbedded(example);
}

async function runEmbedded({
  program,
  runs,
  client,
  startApi = (server) => startProtectedApi(server),
  hasPlatform = false,
  hasLogin = client === 'public',
}: Example): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'oa-example-'));
  await using platform = hasPlatform ? await startWorkloadPlatform(directory) : undefined;
  await using server = await startAuthorizationServer(platform === undefined ? {} : { trusts: [platform.issuer] });
  await platform?.renew(server.issuer);
  await using api = await startApi(server, platform);
  // What the API has asked at its start is not a request of the program.
  server.requests.length = 0;
  const needsAgent = hasLogin && !hasTerminalAndDisplay();
  print(`Embedded authorization server: ${server.issuer}`);
  if (platform !== undefined) print(`Platform that issues the token in the file of the job: ${platform.issuer}`);
  if (needsAgent)
    print('There is no terminal or no display: an agent fills in the login and consent forms instead of a user.');
  const env = {
    ...process.env,
    XDG_CACHE_HOME: join(directory, 'cache'),
    XDG_CONFIG_HOME: join(directory, 'config'),
    LOCALAPPDATA: directory,
    ...clientEnvironment(server, client),
    ...(platform !== undefined && { OA_TOKEN_FILE: platform.tokenFile }),
    OA_API: api.url,
    ...(needsAgent && agentEnvironment(server.issuer)),
  };
  try {
    for (const args of runs) {
      print(`\n$ node ${[basename(program), ...args].join(' ')}`);
      const code = await run(program, args, env);
      const arrived = [...server.requests.splice(0), ...api.requests.splice(0)].filter((request) => !isPage(request));
      print(`Requests: ${arrived.map(describe).join(', ') || 'none'}`);
      if (code !== 0) return code;
    }
    return 0;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What the examples read: the issuer, and a client of it. */
export function clientEnvironment(server: AuthorizationServerHandle, client: Example['client']): NodeJS.ProcessEnv {
  return {
    OA_ISSUER: server.issuer,
    ...(client !== undefined && { OA_CLIENT_ID: server[client].client_id }),
    ...(client === 'confidential' && { OA_CLIENT_SECRET: server.confidential.client_secret }),
  };
}

async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { code } = await startProcess(program, { args, env, inherit: true }).ended;
  return code ?? 1;
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
