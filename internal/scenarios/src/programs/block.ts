/** Takes a lock, prints `held`, blocks its event loop, and prints when it is done, before it releases the lock. */
import { monotonicMs, readTask } from '@oa-internal/testing/child';
import { withLock } from '@oa/private-file';

const task = readTask() as { path: string; milliseconds: number };
await withLock(task.path, async () => {
  process.stdout.write('held\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, task.milliseconds);
  process.stdout.write(`done ${monotonicMs()}\n`);
});
