// Shows what the packages do, against a real authorization server that counts the requests. The programs are those of
// `examples/`. Each runs in its own process.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import { agentEnvironment, hasTerminalAndDisplay } from '@oa-internal/authorization-server/agent';
import { clientEnvironment } from '@oa-internal/authorization-server/example';
import { startProcess, type ProcessEnd } from '@oa-internal/testing';
import { countsText, exitCode, isRight, renderTable, type Row } from './demo-table.ts';

const STEPS = 7;
/** The lifetime of the tokens that expire during the demo. A token is refreshed after half of that. */
const SHORT_LIFETIME_SECONDS = 3;

const examples = join(import.meta.dirname, '..', 'examples');
const home = mkdtempSync(join(tmpdir(), 'oa-demo-'));
const rows: Row[] = [];

await using server = await startAuthorizationServer();
await using api = await startProtectedApi(server);
const env = {
  ...process.env,
  OA_API: api.url,
  XDG_CACHE_HOME: join(home, 'cache'),
  XDG_CONFIG_HOME: join(home, 'config'),
  LOCALAPPDATA: home,
};
const job = { ...clientEnvironment(server, 'confidential'), OA_SCOPE: 'read' };
const tool = clientEnvironment(server, 'public');
const runJob = () => run('headless/main.ts', job);
const runTool = () => run('cli-login/main.ts', tool, ['whoami']);

console.log(`An authorization server (${server.issuer}) and an API that requires a token (${api.url})
run on this machine and count the requests. Every step below runs programs of examples/ as processes.\n`);
try {
  await step('a job gets a token, calls the API', '1 metadata, 1 token, 1 API', runJob);
  await step('the same job in a second process', '1 API', runJob);
  server.setAccessTokenTtl(SHORT_LIFETIME_SECONDS);
  await step('a user logs in', '1 metadata, 1 login', logIn);
  await sleep((SHORT_LIFETIME_SECONDS * 1000) / 2);
  await step('the token is close to its expiry', '1 refresh, 1 API', runTool);
  await sleep(SHORT_LIFETIME_SECONDS * 1000);
  server.setAccessTokenTtl(3600);
  await step('20 processes, one refresh token', '1 refresh, 20 API, 20/20 succeeded', () =>
    Promise.all(Array.from({ length: 20 }, runTool)),
  );
  // All access tokens become invalid, so the next step succeeds only with a valid refresh token.
  server.dropAccessTokens();
  await step('the session is still valid', '1 refresh, 2 API', runTool);
  await step('5 processes share one client', '1 metadata, 1 registration, 5/5 succeeded', () =>
    Promise.all(Array.from({ length: 5 }, () => run('register-once/main.ts', { OA_ISSUER: server.issuer }))),
  );
} finally {
  rmSync(home, { recursive: true, force: true });
}

console.log(`\n${renderTable(rows)}`);
process.exitCode = exitCode(rows, STEPS);

/** Runs one step, and compares the requests that the servers counted with the expected ones. */
async function step(name: string, expected: string, work: () => Promise<ProcessEnd | ProcessEnd[]>): Promise<void> {
  server.requests.length = 0;
  api.requests.length = 0;
  const started = performance.now();
  const ends = [await work()].flat();
  const requests = countsText({
    metadata: server.requests.filter((request) => request.path.startsWith('/.well-known/')).length,
    registration: server.count('/register'),
    token: server.count('/token', 'client_credentials'),
    login: server.count('/token', 'authorization_code'),
    refresh: server.count('/token', 'refresh_token'),
    API: api.requests.length,
  });
  const succeeded = ends.filter((end) => end.code === 0).length;
  const result = succeeded === 1 && ends.length === 1 ? '' : `, ${succeeded}/${ends.length} succeeded`;
  const row = { step: name, expected, measured: requests + result };
  rows.push(row);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${isRight(row) ? styleText('green', '✓') : styleText('red', '✗')} ${name}: ${row.measured} (${seconds} s)`,
  );
  const errors = ends.flatMap(({ code, stderr }) => (code === 0 ? [] : stderr.trim()));
  for (const error of new Set(errors)) console.log(styleText('red', error));
}

function run(program: string, more: NodeJS.ProcessEnv, args: string[] = [], inherit = false): Promise<ProcessEnd> {
  return startProcess(join(examples, program), { args, env: { ...env, ...more }, inherit }).ended;
}

/** Lets the user log in if there is a terminal and a display, else the agent. */
function logIn(): Promise<ProcessEnd> {
  if (hasTerminalAndDisplay()) {
    console.log('  Your browser opens. Log in with the account that is filled in, and allow the access.');
    return run('cli-login/main.ts', tool, ['login'], true);
  }
  console.log('  There is no terminal or no display: an agent fills in the login and consent forms over HTTP.');
  return run('cli-login/main.ts', { ...tool, ...agentEnvironment(server.issuer) }, ['login']);
}
