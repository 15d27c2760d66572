// `pnpm soak`: many processes that ask for tokens, report rejected ones and log out, and that are killed and stopped, against a server that
// rotates refresh tokens, fails and is slow. Prints its counts, and exits with 1 if an invariant does not hold. With OA_TEST_ENCRYPTION the tokens
// are encrypted, and no file may have one in it.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENCRYPTION_VARIABLE } from '../internal/scenarios/src/index.ts';
import { startScriptedServer, type RecordedRequest, type Reply } from '@oa-internal/scripted-server';
import type { Credentials } from '../packages/manager/src/index.ts';

export interface Identity {
  name: string;
  credentials: Credentials;
}
export interface Report {
  did?: string;
  identity?: string;
  got?: string;
  rejected?: string | undefined;
  thrown?: string;
  failed?: string;
}

const SECONDS = Math.min(Number(process.env['OA_SOAK_SECONDS'] ?? 120), 540);
const PROCESSES = Math.min(60, SECONDS);
const MAX_RUNNING_PROCESSES = Math.min(12, SECONDS);
const FAILURE_RATIO = 0.05;
const MAX_DELAY_MS = 300;

const identities: Identity[] = ['a', 'b', 'c'].flatMap((client_id) =>
  ['read', 'read write'].map((scope) => ({
    name: `${client_id}/${scope}`,
    credentials: { client_id, scope, ...(client_id === 'c' && { client_secret: 'secret' }) },
  })),
);

const count = new Map<string, number>();
const violations: string[] = [];
const add = (what: string): void => void count.set(what, (count.get(what) ?? 0) + 1);

// At this server a refresh token works once. Using it again is a violation, unless the process that used it first was killed before it could
// store the answer.
const killed = new Set<string>();
const terminated = new Set<string>();
const valid = new Map<string, string>();
const used = new Map<string, string>();
const codes = new Map<string, string>();

async function tokenEndpoint({ form, headers }: RecordedRequest): Promise<Reply> {
  const grant = form.get('grant_type') ?? '';
  add(`requests: ${grant}`);
  await sleep(Math.random() * MAX_DELAY_MS);
  if (Math.random() < FAILURE_RATIO) return { status: 503 };
  const pid = String(headers['x-pid']);
  if (grant === 'client_credentials') return issue(`c/${form.get('scope')}`, false);
  if (grant === 'authorization_code') return issue(codes.get(form.get('code') ?? '') ?? 'unknown', true);
  const presented = form.get('refresh_token') ?? '';
  const identity = valid.get(presented);
  if (identity !== undefined) {
    valid.delete(presented);
    used.set(presented, pid);
    return issue(identity, true);
  }
  const first = used.get(presented);
  if (first === undefined) add('refreshes after a logout elsewhere');
  else if (killed.has(first)) add('refreshes after a kill in the middle');
  else violations.push(`a refresh token was used twice, by ${first} and ${pid}`);
  return { status: 400, json: { error: 'invalid_grant' } };
}

function issue(identity: string, rotating: boolean): Reply {
  const refresh_token = randomUUID();
  if (rotating) valid.set(refresh_token, identity);
  const json = { access_token: `${identity}#${randomUUID()}`, token_type: 'Bearer', expires_in: 5 };
  return { json: rotating ? { ...json, refresh_token } : json };
}

function authorize({ url }: RecordedRequest): Reply {
  const { searchParams } = new URL(url, server.origin);
  const code = randomUUID();
  codes.set(code, `${searchParams.get('client_id')}/${searchParams.get('scope')}`);
  const callback = new URL(searchParams.get('redirect_uri') ?? '');
  callback.search = new URLSearchParams({ code, state: searchParams.get('state') ?? '' }).toString();
  return { status: 302, headers: { location: callback.href } };
}

function revoke({ form }: RecordedRequest): Reply {
  valid.delete(form.get('token') ?? '');
  return {};
}

const server = await startScriptedServer({ '/token': tokenEndpoint, '/authorize': authorize, '/revoke': revoke });
const directory = mkdtempSync(join(tmpdir(), 'oa-soak-'));
const environment = {
  ...process.env,
  XDG_CACHE_HOME: join(directory, 'cache'),
  XDG_CONFIG_HOME: join(directory, 'config'),
};
const endpoints = {
  issuer: server.origin,
  token_endpoint: `${server.origin}/token`,
  authorization_endpoint: `${server.origin}/authorize`,
  revocation_endpoint: `${server.origin}/revoke`,
};
const running = new Set<ChildProcess>();

async function runProcess(seconds: number): Promise<void> {
  const job = JSON.stringify({ server: endpoints, identities, seconds });
  const child = spawn(
    process.execPath,
    ['--conditions=@oa/source', join(import.meta.dirname, 'soak-process.ts'), job],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: environment,
    },
  );
  running.add(child);
  createInterface({ input: child.stdout }).on('line', (line) => check(JSON.parse(line) as Report));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...end) => resolve(end));
  });
  running.delete(child);
  add('processes');
  if (code !== 0 && signal !== 'SIGKILL' && signal !== 'SIGTERM')
    violations.push(`a process ended with ${code ?? signal}`);
}

function check({ did, identity, got, rejected, failed, thrown }: Report): void {
  if (got !== undefined) {
    add('tokens handed out');
    if (!isTokenOf(got, identity)) violations.push(`${identity} was given the token ${got.split('#')[0]}`);
    if (got === rejected) violations.push(`${identity} was given the token that it had seen rejected`);
  } else if (failed !== undefined) add(`errors: ${failed}`);
  else if (did !== undefined) add(`${did}s`);
  else violations.push(`a promise was rejected: ${thrown}`);
}

/** Whether a token is for the client of `identity`, and for its scopes or more: a session with more scopes serves those that need fewer. */
function isTokenOf(token: string, identity = ''): boolean {
  const [client, scope = ''] = identity.split('/');
  const [givenClient, givenScope = ''] = token.replace(/#.*/, '').split('/');
  return client === givenClient && scope.split(' ').every((each) => givenScope.split(' ').includes(each));
}

async function disturb(): Promise<void> {
  const [...children] = running;
  const child = children[Math.floor(Math.random() * children.length)];
  if (child?.pid === undefined) return;
  const pid = String(child.pid);
  const dice = Math.random();
  if (dice < 0.4) {
    killed.add(pid);
    child.kill('SIGKILL');
    add('kills');
  } else if (dice < 0.5) {
    // The first one takes effect after the answer is stored, the second one at once, as SIGKILL does.
    if (terminated.has(pid)) killed.add(pid);
    terminated.add(pid);
    child.kill('SIGTERM');
    add('terminations');
  } else {
    child.kill('SIGSTOP');
    add('stops');
    await sleep(Math.random() * 1500);
    child.kill('SIGCONT');
  }
}

/** What every token and code of this server has in it. */
const SECRET = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/;
const isEncrypted = process.env[ENCRYPTION_VARIABLE] !== undefined;

function readFiles(): void {
  for (const path of listPaths()) {
    const text = readIfPresent(path);
    if (text === undefined) continue;
    const name = basename(path);
    if (isEncrypted) {
      add('scans for a plain token');
      if (SECRET.test(text))
        violations.push(`${name.replace(/[\da-f]{64}|[\da-f]{18}/g, '*')} has a plain token in it`);
    }
    if (!name.endsWith('.json')) continue;
    add('file reads');
    try {
      JSON.parse(text);
    } catch {
      violations.push(`${name} was torn: ${text.length} bytes`);
    }
  }
}

/** All files of the tokens: those in their place, pending, temporary, of failures, and locks. With encryption all other files too. */
function listPaths(): string[] {
  const folder = isEncrypted ? directory : join(directory, 'cache', 'soak', 'tokens');
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.lock'))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

const end = performance.now() + SECONDS * 1000;
let started = 0;
async function keepRunning(): Promise<void> {
  while (performance.now() < end || started < PROCESSES) {
    started += 1;
    await runProcess(1 + Math.random() * 6);
  }
}
async function keepDisturbing(): Promise<void> {
  while (performance.now() < end) {
    await sleep(300);
    await disturb();
  }
}
const reader = setInterval(readFiles, 20);
await Promise.all([...Array.from({ length: MAX_RUNNING_PROCESSES }, keepRunning), keepDisturbing()]);
clearInterval(reader);
await server.close();
rmSync(directory, { recursive: true });

for (const [what, times] of [...count].toSorted(([a], [b]) => a.localeCompare(b)))
  console.log(`${String(times).padStart(8)}  ${what}`);
console.log(`${String(violations.length).padStart(8)}  violations`);
for (const violation of new Set(violations)) console.log(`          ${violation}`);
process.exitCode = violations.length === 0 ? 0 : 1;
