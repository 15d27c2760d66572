import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { monotonicMs } from '@oa-internal/testing/child';
import { withLock } from '@oa/private-file';

const BLOCK = new URL('programs/block.ts', import.meta.url);

/**
 * Starts a process that holds a lock while its event loop is blocked.
 *
 * @param milliseconds how long the event loop is blocked
 * @returns whether the holder had finished before the lock was acquired here
 */
export async function blockHolder(milliseconds: number): Promise<boolean> {
  const directory = temporaryDirectory();
  const path = join(directory, 'files', 'a.json');
  const holder = startProcess(BLOCK, { task: { path, milliseconds } });
  await holder.printed('held');
  const acquired = await withLock(path, async () => monotonicMs());
  const { stdout } = await holder.ended;
  rmSync(directory, { recursive: true });
  const [, done] = /done ([\d.]+)/.exec(stdout) ?? [];
  return done !== undefined && acquired > Number(done);
}
