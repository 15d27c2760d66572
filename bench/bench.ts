import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchServer } from './server-control.ts';
import { runWorker, type Measurement, type WorkerSettings } from './worker-process.ts';

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

const NEW_TOKENS = 40;

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

export async function oneProcess(adapter: string, job: string, settings: WorkerSettings): Promise<Figure> {
  return { value: (await runOrIdle(adapter, job, settings)).cpuMs };
}

/** The adapter `node` does nothing, whatever the job. */
export function runOrIdle(adapter: string, job: string, settings: WorkerSettings): Promise<Measurement> {
  return runWorker(adapter, adapter === 'node' ? 'import' : job, settings);
}

export async function callOf(adapter: string, job: string, settings: WorkerSettings): Promise<Figure> {
  return { value: (await runWorker(adapter, job, settings)).callUs ?? NaN };
}

export async function oneMore(adapter: string, settings: WorkerSettings): Promise<Figure> {
  const { value } = await callOf(adapter, 'oneMore', { ...settings, calls: NEW_TOKENS });
  return { value: value / 1000 };
}

export async function counted({ server }: Bench, run: () => Promise<Figure>): Promise<Figure> {
  const { value } = await run();
  const { requests } = await server.counts();
  return { value, counts: { requests } };
}
