/**
 * Uses a private file in every way, as one user or another, and prints how each use ended. What is loaded late is loaded as root: it may
 * be where the other user can't reach it.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTask } from '@oa-internal/testing/child';
import {
  quarantine,
  readPrivate,
  removePrivate,
  reservePrivate,
  userDirectory,
  withLock,
  writePrivate,
} from '@oa/private-file';
import { attempt } from '@oa/types';

/** How a use ended: with an error, or with nothing. */
export interface UseEnd {
  use: string;
  kind: string;
  code?: string;
  message?: string;
}

const { uid, uses } = readTask() as { uid?: number; uses?: string[] };
const every: Record<string, (file: string) => Promise<unknown>> = {
  read: readPrivate,
  lock: (file) => withLock(file, async () => 'worked'),
  reserve: async (file) => (await reservePrivate(file)).release(),
  write: (file) => writePrivate(file, 'written'),
  quarantine,
  remove: removePrivate,
};

const warm = join(realpathSync(mkdtempSync(join(tmpdir(), 'oa-'))), 'warm');
for (const use of Object.values(every)) await use(warm);
rmSync(join(warm, '..'), { recursive: true });
if (uid !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
}
const ends: UseEnd[] = [];
for (const kind of ['cache', 'config'] as const)
  for (const use of uses ?? Object.keys(every)) {
    const file = join(userDirectory(kind, 'my-tool'), 'kept', 'a.json');
    const end = await attempt((async () => every[use]?.(file))());
    ends.push({ use, kind, ...(!end.ok && { code: end.error.code, message: end.error.message }) });
  }
process.stdout.write(JSON.stringify(ends));
