import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { fileVersion, readPrivate } from '@oa/private-file';
import type { locks } from './locks.ts';

const COUNTER = new URL('programs/counter.ts', import.meta.url);

export interface CountOptions {
  processes: number;
  /** How often each process adds 1. */
  rounds: number;
  /** The number of files to count in. */
  files: number;
  /** The share of rounds in which a process kills itself. Another process then does the remaining rounds. */
  kills: number;
  /** @default 'sqlite' */
  lock?: keyof typeof locks;
  /** Milliseconds until all processes are killed. @default 300_000 */
  limit?: number;
}

export interface Counted {
  /** How often a process has added 1. */
  expected: number;
  /** How many of these additions are missing in the files. */
  lost: number;
  kills: number;
  /** Milliseconds from a kill to the next time that a process had the lock. Measured with one file only. */
  recovery: { slowest: number; median: number };
  /** Whether all rounds were done within the limit. */
  finished: boolean;
}

/** Runs processes that read a number, add 1 and write it, each many times. */
export async function countTogether(options: CountOptions): Promise<Counted> {
  const { processes, rounds, kills, lock = 'sqlite', limit = 300_000 } = options;
  const directory = temporaryDirectory();
  const files = Array.from({ length: options.files }, (_, i) => join(directory, 'files', `${i}.json`));
  const running = new Set<TestProcess>();
  const state = { over: false };
  const timer = setTimeout(() => {
    state.over = true;
    for (const { kill } of running) kill('SIGKILL');
  }, limit);

  async function count(id: number): Promise<LogLine[]> {
    const log = join(directory, `${id}.log`);
    for (let left = rounds; left > 0 && !state.over; left = rounds - startedRounds(readLog(log))) {
      const counter = startProcess(COUNTER, { task: { files, rounds: left, kills, log, lock } });
      running.add(counter);
      const end = await counter.ended;
      running.delete(counter);
      if (end.code !== 0 && end.signal !== 'SIGKILL') throw new Error(`A counter failed: ${end.stderr}`);
    }
    return readLog(log);
  }

  const lines = (await Promise.all(Array.from({ length: processes }, (_, id) => count(id)))).flat();
  clearTimeout(timer);
  const expected = lines.filter(({ what }) => what === 'added').length;
  let actual = 0;
  for (const file of files) actual += Number((await readPrivate(file)) ?? '0');
  rmSync(directory, { recursive: true });
  return { expected, lost: expected - actual, finished: !state.over, ...measureKills(lines, files.length) };
}

interface LogLine {
  what: string;
  time: number;
}

function readLog(log: string): LogLine[] {
  if (fileVersion(log) === undefined) return [];
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [what = '', time = ''] = line.split(' ');
    return { what, time: Number(time) };
  });
}

/** A round in which a process was killed is not repeated. */
function startedRounds(lines: LogLine[]): number {
  return lines.filter(({ what }) => what === 'acquired').length;
}

function measureKills(lines: LogLine[], files: number): Pick<Counted, 'kills' | 'recovery'> {
  const deaths = lines.filter(({ what }) => what === 'killed');
  // With several files the next acquisition can be of another lock, which measures nothing.
  const times = files > 1 ? [] : deaths.map((death) => nextAcquisition(death.time, lines) - death.time);
  const sorted = times.filter((time) => Number.isFinite(time)).toSorted((a, b) => a - b);
  return {
    kills: deaths.length,
    recovery: { slowest: sorted.at(-1) ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0 },
  };
}

function nextAcquisition(time: number, lines: LogLine[]): number {
  let next = Infinity;
  for (const line of lines) if (line.what === 'acquired' && line.time > time && line.time < next) next = line.time;
  return next;
}
