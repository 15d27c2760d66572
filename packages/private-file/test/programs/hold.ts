/** Takes a lock, prints `held`, keeps the lock for `hold` milliseconds, and prints `done` before it releases the lock. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readTask } from '@oa-internal/testing/child';
import { withLock } from '@oa/private-file';

const task = readTask() as { path: string; hold: number; umask?: number };
if (task.umask !== undefined) process.umask(task.umask);
await withLock(task.path, async () => {
  process.stdout.write('held\n');
  await sleep(task.hold);
  process.stdout.write('done\n');
});
