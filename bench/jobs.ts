import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchServer, Counts } from './server-control.ts';
import { runWorker, type Measurement, type WorkerSettings } from './worker-process.ts';

export type JobName =
  | 'import'
  | 'fresh'
  | 'get'
  | 'source'
  | 'cold'
  | 'login'
  | 'grant'
  | 'stampede'
  | 'one-more'
  | 'one-more-of-many'
  | 'wait'
  | 'list';

/** What the jobs share. */
export interface Bench {
  server: BenchServer;
  /** The directory of all temporary files. */
  directory: string;
  /** A directory in which `adapter` has kept the token of a user that is valid for an hour. */
  loggedIn: (adapter: string) => Promise<string>;
  /** A directory in which @oa/token-cache has kept many tokens. */
  manyTokens: () => Promise<string>;
}

/** A figure of one round, and what was counted besides. */
export interface Figure {
  value: number;
  counts?: Record<string, number>;
}

export interface Job {
  name: JobName;
  title: string;
  /** What one figure is, with its unit. */
  unit: string;
  /** The adapter whose figure of the same round is subtracted, `node` being a process that does nothing. */
  minus?: string;
  /** The adapter by whose figure of the same round a figure is divided, after the subtraction. */
  over?: string;
  /** No more rounds than these. The figures of such a job are counts, or large. */
  rounds?: number;
  measure: (adapter: string, bench: Bench) => Promise<Figure>;
}

const CALLS = 100_000;
const GRANTS = 1000;
const NEW_TOKENS = 40;
const STAMPEDE_PROCESSES = 20;
/** Long enough for all processes to start before the first one has its answer: a peer that starts slowly must not win by that. */
const SLOW_SERVER_MS = 5000;
const SHORT_LIFETIME_SECONDS = 1;
const SAMPLE_MS = 2000;

export const JOBS: Job[] = [
  {
    name: 'import',
    title: 'Import',
    unit: 'CPU of a process that imports it ÷ of one that does nothing',
    over: 'node',
    measure: (adapter, bench) => cpuOf(adapter, 'import', settingsOf(bench)),
  },
  {
    name: 'fresh',
    title: 'A new process, a token that is fresh on disk',
    unit: 'milliseconds of CPU above a process that does nothing',
    minus: 'node',
    measure: async (adapter, bench) =>
      adapter === 'node'
        ? cpuOf('node', 'import', settingsOf(bench))
        : cpuOf(adapter, 'fresh', settingsOf(bench, await bench.loggedIn(adapter))),
  },
  {
    name: 'get',
    title: 'A token from memory',
    unit: 'CPU of a call ÷ of an awaited Map lookup',
    over: 'fetch',
    measure: (adapter, bench) => callOf(adapter, 'get', { ...settingsOf(bench), calls: CALLS }),
  },
  {
    name: 'source',
    title: 'A token from memory, by a source that was made once',
    unit: 'CPU of a call ÷ of an awaited Map lookup',
    over: 'fetch',
    measure: (adapter, bench) => callOf(adapter, 'source', { ...settingsOf(bench), calls: CALLS }),
  },
  {
    name: 'cold',
    title: 'Discovery, client credentials and a call of the API in a new process',
    unit: 'CPU above a process that does nothing ÷ of raw fetch',
    minus: 'node',
    over: 'fetch',
    measure: (adapter, bench) => counted(bench, () => oneProcess(adapter, 'cold', settingsOf(bench))),
  },
  {
    name: 'login',
    title: 'Discovery and a login of a user in a new process',
    unit: 'CPU above a process that does nothing ÷ of raw fetch',
    minus: 'node',
    over: 'fetch',
    measure: (adapter, bench) => counted(bench, () => oneProcess(adapter, 'login', settingsOf(bench))),
  },
  {
    name: 'grant',
    title: 'A client credentials grant in a process that has made some',
    unit: 'microseconds of CPU above ky',
    minus: 'ky',
    measure: (adapter, bench) => callOf(adapter, 'grant', { ...settingsOf(bench), calls: GRANTS }),
  },
  {
    name: 'stampede',
    title: `${STAMPEDE_PROCESSES} processes with one expired session, at a server that takes ${SLOW_SERVER_MS / 1000} seconds`,
    unit: 'processes that get a token',
    rounds: 3,
    measure: stampede,
  },
  {
    name: 'one-more',
    title: 'One more token for a process that has kept some on disk',
    unit: 'milliseconds of CPU',
    measure: (adapter, bench) => oneMore(adapter, settingsOf(bench)),
  },
  {
    name: 'one-more-of-many',
    title: 'One more token beside many on disk',
    unit: 'milliseconds of CPU',
    measure: async (adapter, bench) => oneMore(adapter, settingsOf(bench, await bench.manyTokens())),
  },
  {
    name: 'wait',
    title: 'Waiting while another process refreshes the token',
    unit: 'milliseconds of CPU a second',
    rounds: 3,
    measure: waiting,
  },
  {
    name: 'list',
    title: 'A list of many tokens',
    unit: 'seconds of CPU above a process that does nothing',
    minus: 'node',
    rounds: 3,
    measure: async (adapter, bench) => {
      const { cpuMs, peakMb } = await runOrIdle(adapter, 'list', settingsOf(bench, await bench.manyTokens()));
      return { value: cpuMs / 1000, counts: { 'MB at most': Math.round(peakMb) } };
    },
  },
];

/** Settings with a directory that no other run uses, unless one is given. */
export function settingsOf(
  { server, directory }: Bench,
  own: string = mkdtempSync(join(directory, 'run-')),
): WorkerSettings {
  const { issuer } = server;
  return {
    issuer,
    api: `${issuer}/api`,
    tokenEndpoint: `${issuer}/token`,
    directory: own,
    tokens: join(own, 'bench', 'tokens'),
  };
}

async function cpuOf(adapter: string, job: string, settings: WorkerSettings): Promise<Figure> {
  return { value: (await runWorker(adapter, job, settings)).cpuMs };
}

function oneProcess(adapter: string, job: string, settings: WorkerSettings): Promise<Figure> {
  return runOrIdle(adapter, job, settings).then(({ cpuMs }) => ({ value: cpuMs }));
}

/** The adapter `node` does nothing, whatever the job. */
function runOrIdle(adapter: string, job: string, settings: WorkerSettings): Promise<Measurement> {
  return runWorker(adapter, adapter === 'node' ? 'import' : job, settings);
}

async function callOf(adapter: string, job: string, settings: WorkerSettings): Promise<Figure> {
  return { value: (await runWorker(adapter, job, settings)).callUs ?? NaN };
}

async function oneMore(adapter: string, settings: WorkerSettings): Promise<Figure> {
  const { value } = await callOf(adapter, 'oneMore', { ...settings, calls: NEW_TOKENS });
  return { value: value / 1000 };
}

async function counted({ server }: Bench, run: () => Promise<Figure>): Promise<Figure> {
  await server.set({});
  const { value } = await run();
  const { requests } = await server.counts();
  return { value, counts: { requests } };
}

/** All processes start at once with one refresh token, which the server accepts once. */
async function stampede(adapter: string, bench: Bench): Promise<Figure> {
  const settings = await expiredSession(adapter, bench);
  await bench.server.set({ delayMs: SLOW_SERVER_MS });
  const ends = await Promise.allSettled(
    Array.from({ length: STAMPEDE_PROCESSES }, () => runWorker(adapter, 'refresh', settings)),
  );
  const { tokenRequests, revokedSessions }: Counts = await bench.server.counts();
  const value = ends.filter(({ status }) => status === 'fulfilled').length;
  return { value, counts: { 'token requests': tokenRequests, 'sessions revoked': revokedSessions } };
}

async function expiredSession(adapter: string, bench: Bench): Promise<WorkerSettings> {
  const settings = settingsOf(bench);
  await bench.server.set({ lifetimeSeconds: SHORT_LIFETIME_SECONDS });
  await runWorker(adapter, 'login', settings);
  await sleep(SHORT_LIFETIME_SECONDS * 1000 + 100);
  return settings;
}

/** One process refreshes at a slow server. The other one, which is measured, starts when the request has arrived. */
async function waiting(adapter: string, bench: Bench): Promise<Figure> {
  const settings = await expiredSession(adapter, bench);
  await bench.server.set({ delayMs: 4 * SAMPLE_MS });
  const holder = runWorker(adapter, 'refresh', settings);
  while ((await bench.server.counts()).tokenRequests === 0) await sleep(20);
  const { waitingMs = NaN } = await runWorker(adapter, 'wait', { ...settings, sampleMs: SAMPLE_MS });
  await holder;
  return { value: waitingMs };
}
