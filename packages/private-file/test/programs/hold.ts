/** Takes a lock, says so, keeps it for `hold` milliseconds (blocking the event loop if `block`), and says when it gives it back. */
import { monotonicMs, readTask } from '@oa-internal/testing/child';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from '@oa/private-file';

const task = readTask() as { path: string; hold: number; block?: boolean; umask?: number };
if (task.umask !== undefined) process.umask(task.umask);
await withLock(task.path, async () => {
  process.stdout.write('held\n');
  if (task.block === true) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, task.hold);
  else await sleep(task.hold);
  process.stdout.write(`done ${monotonicMs()}\n`);
});
