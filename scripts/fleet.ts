// `pnpm fleet`: 8 processes share rotating refresh tokens over PostgreSQL and then over Redis, with 50 gets a second each, while processes are
// killed and stopped, and the engine ends and starts again. Prints its counts as a table, and exits with 1 if a promise of the stores does
// not hold. It takes 8 minutes; OA_FLEET_SECONDS is the length of each of the two runs.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { createManager, type Credentials } from '../packages/manager/src/index.ts';
import { FLEET_LEASE_MS, openFleetStore, startEngine, type FleetEngine, type RunningEngine } from './fleet-store.ts';

/** What a process is told. */
export interface FleetJob {
  engine: FleetEngine;
  issuer: string;
  client_id: string;
  profiles: readonly string[];
  /** Of the manager, in milliseconds. */
  timeout: number;
}

/** What a process tells. */
export interface FleetReport {
  gets?: number;
  errors?: Record<string, number>;
  /** The digest of the refresh token that is about to be sent. */
  sends?: string;
  /** The status of the answer. 200 comes after the token is stored. */
  ends?: number;
  /** The digest of the refresh token whose answer did not come in time. */
  unanswered?: string;
  paused?: string;
  loggedOut?: string;
  bug?: string;
}

const SECONDS = Math.min(Number(process.env['OA_FLEET_SECONDS'] ?? 240), 290);
const PROCESSES = 8;
const PROFILES = ['a', 'b', 'c', 'd'];
const ACCESS_TOKEN_SECONDS = 4;
const TIMEOUT_MS = 5000;
const KILL_INTERVAL_MS = 3000;
const DISTURBANCE_INTERVAL_MS = 5000;
const SHORT_STOP_MS = 1500;
/** Longer than the lease. */
const LONG_STOP_MS: number = FLEET_LEASE_MS + 4000;
/** How long a process may take to need a token, and so to arrive where it is stopped. */
const ARRIVAL_TIMEOUT_MS = 5000;

/** Where a holder is stopped: before its last look at the lock, or between that look and the request. */
type PausePoint = 'before the look' | 'after the look';

/** What is counted, in the order of the table. */
const ROWS = {
  gets: 'tokens handed out',
  refreshes: 'refresh requests',
  kills: 'processes killed',
  lost: 'of these with a request out, whose answer is lost',
  unanswered: 'requests whose answer did not come in time',
  restarts: 'engine ended, half of the times by SIGKILL, and started again',
  stops: `processes stopped for ${SHORT_STOP_MS / 1000} seconds`,
  'before the look': `holders stopped for ${LONG_STOP_MS / 1000} seconds before their last look at the lock`,
  'reused before the look': 'of these, refresh tokens used twice',
  'after the look': `holders stopped for ${LONG_STOP_MS / 1000} seconds between that look and the request`,
  'reused after the look': 'of these, refresh tokens used twice',
  'reused after a loss': 'refresh tokens sent again after their answer was lost',
  reused: 'refresh tokens used twice for another reason',
  logouts: 'sessions that ended, so that a user had to log in again',
} as const;
type Row = keyof typeof ROWS;

/** A process of the fleet. */
interface FleetProcess {
  child: ChildProcess;
  /** The digest of the refresh token that it has sent, and whose answer is not stored. */
  sent: string | undefined;
  /** Where it was stopped, until it sends a request. */
  pausedAt: PausePoint | undefined;
  onPaused: (() => void) | undefined;
}

/** One run of the fleet over one engine. */
interface Run {
  engine: RunningEngine;
  server: AuthorizationServerHandle;
  running: Set<FleetProcess>;
  counts: Map<Row, number>;
  /** What else the processes have told, such as error codes. */
  others: Map<string, number>;
  /** The refresh tokens that a process has sent after it was stopped, by digest. */
  pausedSends: Map<string, PausePoint>;
  /** The refresh tokens whose answer was lost: their sender was killed, or has waited too long. */
  lost: Set<string>;
  logIn(profile: string): Promise<void>;
  isOver(): boolean;
}

function add(counts: Map<string, number>, name: string, more = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + more);
}

async function runFleet(name: FleetEngine['name']): Promise<Run> {
  await using engine = await startEngine(name);
  await using server = await startAuthorizationServer({ accessTokenTtl: ACCESS_TOKEN_SECONDS });
  const { store, close } = await openFleetStore(engine);
  const end = performance.now() + SECONDS * 1000;
  const manager = createManager({
    app: 'fleet',
    cache: store,
    login: { openBrowser: (url) => server.logIn(url), print: () => undefined },
    interaction: 'always',
  });
  const run: Run = {
    engine,
    server,
    running: new Set(),
    counts: new Map(),
    others: new Map(),
    pausedSends: new Map(),
    lost: new Set(),
    async logIn(profile) {
      const result = await manager.login(server.issuer, credentialsOf(server, profile));
      if (!result.ok) add(run.others, `logins that failed: ${result.error.code}`);
    },
    isOver: () => performance.now() >= end,
  };
  for (const profile of PROFILES) await run.logIn(profile);
  const processes = Promise.all(Array.from({ length: PROCESSES }, () => keepRunning(run)));
  await Promise.all([keepKilling(run), keepDisturbing(run)]);
  for (const { child } of run.running) child.kill('SIGTERM');
  await processes;
  countRefreshes(run);
  await close();
  return run;
}

function credentialsOf(server: AuthorizationServerHandle, profile: string): Credentials {
  return { client_id: server.public.client_id, scope: 'openid offline_access', profile };
}

async function keepRunning(run: Run): Promise<void> {
  while (!run.isOver()) {
    const { engine, server } = run;
    const job: FleetJob = {
      engine: { name: engine.name, url: engine.url },
      issuer: server.issuer,
      client_id: server.public.client_id,
      profiles: PROFILES,
      timeout: TIMEOUT_MS,
    };
    const program = ['--conditions=@oa/source', join(import.meta.dirname, 'fleet-process.ts'), JSON.stringify(job)];
    const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const fleetProcess: FleetProcess = { child, sent: undefined, pausedAt: undefined, onPaused: undefined };
    run.running.add(fleetProcess);
    const ended = once(child, 'close');
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', (line) =>
        hear(run, fleetProcess, JSON.parse(line) as FleetReport),
      );
    const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
    run.running.delete(fleetProcess);
    if (signal === null) add(run.others, `processes that ended with ${code}`);
    if (signal === 'SIGKILL' && fleetProcess.sent !== undefined) {
      add(run.counts, 'lost');
      run.lost.add(fleetProcess.sent);
    }
  }
}

function hear(run: Run, from: FleetProcess, told: FleetReport): void {
  const { counts, others } = run;
  if (told.gets !== undefined) add(counts, 'gets', told.gets);
  for (const [code, count] of Object.entries(told.errors ?? {})) add(others, `gets that ended in ${code}`, count);
  if (told.ends !== undefined) from.sent = undefined;
  if (told.unanswered !== undefined) {
    add(counts, 'unanswered');
    run.lost.add(told.unanswered);
    from.sent = undefined;
  }
  if (told.paused !== undefined) from.onPaused?.();
  if (told.bug !== undefined) add(others, `bugs: ${told.bug}`);
  if (told.loggedOut !== undefined) logInAgain(run, told.loggedOut);
  if (told.sends !== undefined) hearRequest(run, from, told.sends);
}

function hearRequest({ pausedSends }: Run, from: FleetProcess, digest: string): void {
  from.sent = digest;
  if (from.pausedAt !== undefined) pausedSends.set(digest, from.pausedAt);
  if (from.onPaused === undefined) from.pausedAt = undefined;
}

/** What the server has received. */
function countRefreshes({ server, counts, lost, pausedSends }: Run): void {
  const used = new Set<string>();
  for (const { refreshTokenDigest: digest, status } of server.requests) {
    if (digest === undefined) continue;
    add(counts, 'refreshes');
    const pausedAt = pausedSends.get(digest);
    if (!used.has(digest)) {
      // After a reuse the server refuses all tokens of the session. Two refusals of one token are no further reuse.
      if (status === 200) used.add(digest);
    } else if (lost.has(digest)) add(counts, 'reused after a loss');
    else add(counts, pausedAt === undefined ? 'reused' : `reused ${pausedAt}`);
  }
}

/** Until then other processes may tell of the same end of a session: their memory is a second old, and they have calls under way. */
const LOGOUT_REPORTS_MS = 5000;
const loggingIn = new Set<string>();
function logInAgain(run: Run, profile: string): void {
  if (loggingIn.has(profile) || run.isOver()) return;
  loggingIn.add(profile);
  add(run.counts, 'logouts');
  void run.logIn(profile);
  setTimeout(() => loggingIn.delete(profile), LOGOUT_REPORTS_MS);
}

async function keepKilling(run: Run): Promise<void> {
  while (!run.isOver()) {
    await sleep(KILL_INTERVAL_MS);
    // One that is stopped must show what it does when it goes on.
    const victim = pick([...run.running].filter(({ onPaused }) => onPaused === undefined));
    if (victim === undefined || run.isOver()) continue;
    add(run.counts, 'kills');
    victim.child.kill('SIGKILL');
  }
}

/** One after the other: no store can help a holder that is stopped while its engine ends. */
async function keepDisturbing(run: Run): Promise<void> {
  const disturbances = [
    () => stopShortly(run),
    () => restartEngine(run, 'crash'),
    () => stopHolder(run, 'before the look'),
    () => restartEngine(run, 'restart'),
    () => stopShortly(run),
    () => stopHolder(run, 'after the look'),
  ];
  for (let turn = 0; !run.isOver(); turn += 1) {
    await sleep(DISTURBANCE_INTERVAL_MS);
    await disturbances[turn % disturbances.length]?.();
  }
}

async function stopShortly(run: Run): Promise<void> {
  const stopped = pick([...run.running]);
  if (stopped === undefined) return;
  add(run.counts, 'stops');
  stopped.child.kill('SIGSTOP');
  await sleep(SHORT_STOP_MS);
  stopped.child.kill('SIGCONT');
}

async function restartEngine({ engine, counts }: Run, how: 'crash' | 'restart'): Promise<void> {
  add(counts, 'restarts');
  await engine[how]();
}

/** Stops the next holder of a lock in one process, for longer than a lease. */
async function stopHolder(run: Run, point: PausePoint): Promise<void> {
  const holder = pick([...run.running]);
  if (holder === undefined) return;
  const arrived = new Promise<boolean>((resolve) => {
    holder.onPaused = () => resolve(true);
    setTimeout(() => resolve(false), ARRIVAL_TIMEOUT_MS);
  });
  holder.child.send(point);
  if (await arrived) {
    add(run.counts, point);
    holder.pausedAt = point;
    holder.child.kill('SIGSTOP');
    await sleep(LONG_STOP_MS);
    holder.child.kill('SIGCONT');
  }
  holder.onPaused = undefined;
}

function pick<T>(from: readonly T[]): T | undefined {
  return from[Math.floor(Math.random() * from.length)];
}

function print(runs: readonly Run[]): void {
  const printRow = (name: string, cell: (run: Run) => string): void =>
    console.log(`| ${[name, ...runs.map(cell)].join(' | ')} |`);
  printRow('', ({ engine }) => engine.name);
  printRow('---', () => '--:');
  for (const row of Object.keys(ROWS) as Row[])
    printRow(ROWS[row], ({ counts }) => (counts.get(row) ?? 0).toLocaleString('en'));
  for (const name of new Set(runs.flatMap(({ others }) => [...others.keys()].toSorted())))
    printRow(name, ({ others }) => (others.get(name) ?? 0).toLocaleString('en'));
}

/** What does not hold. */
function brokenPromises({ engine, counts, others }: Run): string[] {
  const countOf = (row: Row): number => counts.get(row) ?? 0;
  const mustBeZero: Row[] = ['reused', 'reused before the look'];
  if (engine.name === 'PostgreSQL') mustBeZero.push('reused after the look');
  const broken = mustBeZero.filter((row) => countOf(row) > 0).map((row) => `${ROWS[row]}: ${countOf(row)}`);
  const explained = countOf('lost') + countOf('unanswered') + countOf('reused after the look');
  if (countOf('logouts') > explained)
    broken.push(`${countOf('logouts')} sessions ended, and ${explained} for a known reason`);
  const needed: Row[] = ['gets', 'refreshes', 'kills', 'restarts'];
  broken.push(...needed.filter((row) => countOf(row) === 0).map((row) => `nothing was counted: ${ROWS[row]}`));
  broken.push(...[...others.keys()].filter((name) => name.startsWith('bugs') || name.startsWith('processes')));
  return broken.map((text) => `${engine.name}: ${text}`);
}

const runs = [await runFleet('PostgreSQL'), await runFleet('Redis')];
print(runs);
const broken = runs.flatMap(brokenPromises);
for (const text of broken) console.log(text);
process.exitCode = broken.length === 0 ? 0 : 1;
