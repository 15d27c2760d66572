// Shows on a real authorization server what the packages do, with the requests counted there. The programs are those in
// `examples/`, each run in a process of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import { personPresent, runProgram, startAgent, type Finished } from '@oa-internal/authorization-server/program';
import { counts, exitCode, isRight, renderTable, type Row } from './demo-table.ts';

const STEPS = 7;
/** Seconds that a token lives which the demo wants to see expire. It counts as expired from half of that on. */
const SHORT = 3;

const examples = join(import.meta.dirname, '..', 'examples');
const home = mkdtempSync(join(tmpdir(), 'oa-demo-'));
const rows: Row[] = [];

await using server = await startAuthorizationServer();
await using api = await startProtectedApi(server);
await using agent = await startAgent(server);
const env = {
  ...agent.env,
  OA_CLIENT_SECRET: server.confidential.client_secret,
  XDG_CACHE_HOME: join(home, 'cache'),
  XDG_CONFIG_HOME: join(home, 'config'),
  LOCALAPPDATA: home,
};
const at = ['--issuer', server.issuer];
const headless = () =>
  example('headless/src/main.ts', '--client-id', server.confidential.client_id, '--api', api.url, '--scope', 'read');
const asPerson = ['--client-id', server.public.client_id, '--api', api.url];
const personal = () => example('cli-login/src/main.ts', ...asPerson);

console.log(`An authorization server (${server.issuer}) and an API that wants a token (${api.url}).
Both are real, on this machine, and count what arrives. Every step below runs programs of examples/ as processes.\n`);
try {
  await step('a job: token, then API', '1 metadata, 1 token, 1 API', headless);
  await step('the same job, second process', '1 API', headless);
  server.setAccessTokenTtl(SHORT);
  await step('a person logs in', '1 metadata, 1 login, 1 API', logIn);
  await sleep((SHORT * 1000) / 2);
  await step('token near its expiry', '1 refresh, 1 API', () => personal());
  await sleep(SHORT * 1000);
  server.setAccessTokenTtl(3600);
  await step('20 processes, one refresh token', '1 refresh, 20 API, 20/20 done', () =>
    Promise.all(Array.from({ length: 20 }, () => personal())),
  );
  // Every access token is void from here on, so that only a living refresh token helps.
  server.dropAccessTokens();
  await step('session alive: another refresh', '1 refresh, 2 API', () => personal());
  await step('5 processes, one client', '1 metadata, 1 registration, 5/5 done', () =>
    Promise.all(Array.from({ length: 5 }, () => example('register-once/src/first.ts'))),
  );
} finally {
  rmSync(home, { recursive: true, force: true });
}

console.log(`\n${renderTable(rows)}`);
process.exitCode = exitCode(rows, STEPS);

/** Runs one step and compares what it made the servers count. */
async function step(name: string, expected: string, work: () => Promise<Finished | Finished[]>): Promise<void> {
  server.requests.length = 0;
  api.requests.length = 0;
  const began = performance.now();
  const finished = [await work()].flat();
  const measured = counts({
    metadata: server.requests.filter((one) => one.path.startsWith('/.well-known/')).length,
    registration: server.count('/register'),
    token: server.count('/token', 'client_credentials'),
    login: server.count('/token', 'authorization_code'),
    refresh: server.count('/token', 'refresh_token'),
    API: api.requests.length,
  });
  const done = finished.filter((one) => one.status === 0).length;
  const all = done === finished.length && done === 1 ? '' : `, ${done}/${finished.length} done`;
  const row = { step: name, expected, measured: measured + all };
  rows.push(row);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${isRight(row) ? styleText('green', '✓') : styleText('red', '✗')} ${name}: ${row.measured} (${seconds} s)`,
  );
  const complaints = finished.flatMap(({ status, stderr }) => (status === 0 ? [] : stderr.trim()));
  for (const complaint of new Set(complaints)) console.log(styleText('red', complaint));
}

function example(program: string, ...args: string[]): Promise<Finished> {
  return runProgram(join(examples, program), [...at, ...args], env);
}

/** The person's browser where there is one to open, else the agent. */
function logIn(): Promise<Finished> {
  if (personPresent()) {
    console.log('  Your browser opens: log in with the account that is filled in, and allow the access.');
    return runProgram(join(examples, 'cli-login/src/main.ts'), [...at, ...asPerson], env, 'inherit');
  }
  console.log('  No terminal with a display here: an agent fills in the login and consent forms over HTTP.');
  return example('cli-login/src/agent.ts', ...asPerson);
}
