import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { readPrivate, withLock } from '@oa/private-file';
import { isWhole } from './versions.ts';

const WRITER = new URL('programs/writer.ts', import.meta.url);

export interface KilledWriters {
  kills: number;
  reads: number;
  torn: number;
  empty: number;
  /** Temporary files that the killed writers left. */
  orphans: number;
  /** Orphans that are still there after a process had the lock an hour later. */
  unswept: number;
}

/** Kills writers while they write, and checks every version that a reader sees meanwhile. */
export async function killWriters(options: { writers: number; kills: number }): Promise<KilledWriters> {
  const directory = temporaryDirectory();
  const path = join(directory, 'files', 'version.json');
  const result: KilledWriters = { kills: 0, reads: 0, torn: 0, empty: 0, orphans: 0, unswept: 0 };
  const state = { writing: options.writers };

  // Half of such a short life is compilation. The first writer ends by itself and leaves the compiled code for the others.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(directory, 'compiled') };
  await startProcess(WRITER, { task: { path, once: true }, env }).ended;

  async function writeAndDie(kills: number): Promise<void> {
    for (let i = 0; i < kills; i += 1) {
      const writer = startProcess(WRITER, { task: { path }, env });
      await writer.printed('started');
      await sleep(Math.random() * 20);
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
      await sleep(1);
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
