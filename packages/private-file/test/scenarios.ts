/** What the tests run in a short form, and the torture with full counts. */
import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileVersion, readPrivate, withLock } from '@oa/private-file';
import type { locks } from './locks.ts';
import { startProcess, temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { monotonicMs } from '@oa-internal/testing/child';
import { isWhole } from './versions.ts';

export function program(name: string): URL {
  return new URL(`programs/${name}.ts`, import.meta.url);
}

export interface Counted {
  expected: number;
  lost: number;
  kills: number;
  /** Milliseconds from a kill to the next time that anybody had the lock, the slowest and the median. */
  recovery: { slowest: number; median: number };
  finished: boolean;
}

/** Processes that read, add 1 and write, each many times; who kills itself is followed by another that does the rest. */
export async function countTogether(options: {
  processes: number;
  rounds: number;
  keys: number;
  kills: number;
  lock?: keyof typeof locks;
  /** Milliseconds after which it is given up. */
  limit?: number;
}): Promise<Counted> {
  const directory = temporaryDirectory();
  const files = Array.from({ length: options.keys }, (_, i) => join(directory, 'files', `${i}.json`));
  const running = new Set<TestProcess>();
  const state = { over: false };
  const timer = setTimeout(() => {
    state.over = true;
    for (const { kill } of running) kill('SIGKILL');
  }, options.limit ?? 300_000);

  async function count(id: number): Promise<Line[]> {
    const log = join(directory, `${id}.log`);
    for (let left = options.rounds; left > 0 && !state.over; left = options.rounds - roundsIn(readLog(log))) {
      const { kills, lock = 'sqlite' } = options;
      const process = startProcess(program('counter'), { task: { id, files, rounds: left, kills, log, lock } });
      running.add(process);
      const end = await process.ended;
      running.delete(process);
      if (end.code !== 0 && end.signal !== 'SIGKILL') throw new Error(`A counter failed: ${end.stderr}`);
    }
    return readLog(log);
  }

  const lines = (await Promise.all(Array.from({ length: options.processes }, (_, id) => count(id)))).flat();
  clearTimeout(timer);
  const expected = lines.filter(({ what }) => what === 'added').length;
  let actual = 0;
  for (const file of files) actual += Number((await readPrivate(file)) ?? '0');
  rmSync(directory, { recursive: true });
  return { expected, lost: expected - actual, finished: !state.over, ...kills(lines, options.keys) };
}

interface Line {
  what: string;
  time: number;
}

function readLog(log: string): Line[] {
  if (fileVersion(log) === undefined) return [];
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [what = '', time = ''] = line.split(' ');
    return { what, time: Number(time) };
  });
}

/** A round is over when something was added, or its process was killed before that. */
function roundsIn(lines: Line[]): number {
  return lines.filter(({ what }) => what === 'acquired').length;
}

function kills(lines: Line[], keys: number): Pick<Counted, 'kills' | 'recovery'> {
  const deaths = lines.filter(({ what }) => what === 'killed');
  // With several keys the next acquisition may be of another lock: that says nothing.
  const times = keys > 1 ? [] : deaths.map((death) => nextAfter(death.time, lines) - death.time);
  const sorted = times.filter((time) => Number.isFinite(time)).toSorted((a, b) => a - b);
  return {
    kills: deaths.length,
    recovery: { slowest: sorted.at(-1) ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0 },
  };
}

function nextAfter(time: number, lines: Line[]): number {
  let next = Infinity;
  for (const line of lines) if (line.what === 'acquired' && line.time > time && line.time < next) next = line.time;
  return next;
}

/** Whether a holder whose event loop is blocked was left to finish before anybody else had the lock. */
export async function blockHolder(milliseconds: number): Promise<boolean> {
  const directory = temporaryDirectory();
  const path = join(directory, 'files', 'a.json');
  const holder = startProcess(program('hold'), { task: { path, hold: milliseconds, block: true } });
  await holder.printed('held');
  const acquired = await withLock(path, async () => monotonicMs());
  const { stdout } = await holder.ended;
  rmSync(directory, { recursive: true });
  return stdout.includes('done') && acquired > Number(stdout.trim().split(' ').at(-1));
}

export interface Read {
  kills: number;
  reads: number;
  torn: number;
  empty: number;
  /** Temporary files of killed writers, before and after somebody had the lock an hour later. */
  orphans: number;
  unswept: number;
}

/** Writers that are killed while they write, under a reader that checks every version it sees. */
export async function killWriters(options: { writers: number; kills: number }): Promise<Read> {
  const directory = temporaryDirectory();
  const path = join(directory, 'files', 'version.json');
  const result: Read = { kills: 0, reads: 0, torn: 0, empty: 0, orphans: 0, unswept: 0 };
  const state = { writing: options.writers };

  // Half of the time of so short a life is compiling. Who ends by itself leaves that for the others.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(directory, 'compiled') };
  await startProcess(program('writer'), { task: { path, once: true }, env }).ended;

  async function writeAndDie(kills: number): Promise<void> {
    for (let i = 0; i < kills; i += 1) {
      const writer = startProcess(program('writer'), { task: { path }, env });
      await writer.printed('started');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      writer.kill('SIGKILL');
      await writer.ended;
      result.kills += 1;
    }
    state.writing -= 1;
  }

  async function read(): Promise<void> {
    while (state.writing > 0) {
      const text = await readPrivate(path);
      if (text !== undefined) {
        result.reads += 1;
        if (text === '') result.empty += 1;
        else if (!isWhole(text)) result.torn += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  const each = Math.ceil(options.kills / options.writers);
  await Promise.all([read(), ...Array.from({ length: options.writers }, () => writeAndDie(each))]);
  const orphans = (): string[] => readdirSync(join(directory, 'files')).filter((name) => name.endsWith('.tmp'));
  result.orphans = orphans().length;
  const old = new Date(Date.now() - 3_700_000);
  for (const name of orphans()) utimesSync(join(directory, 'files', name), old, old);
  await withLock(path, async () => undefined);
  result.unswept = orphans().length;
  if (statSync(path).size === 0) result.empty += 1;
  rmSync(directory, { recursive: true });
  return result;
}
