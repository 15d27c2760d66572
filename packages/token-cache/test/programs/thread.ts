/** A worker thread that reads a token, or stores one with the lock held. `counter` counts the stored tokens of all threads. */
import { setTimeout as sleep } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { fileTokenCache } from '@oa/token-cache';

const task = workerData as { directory: string; key: string; counter: SharedArrayBuffer };
const cache = fileTokenCache({ directory: task.directory });
await cache.lock(task.key, async () => {
  if ((await cache.get(task.key)) !== undefined) return;
  Atomics.add(new Int32Array(task.counter), 0, 1);
  await sleep(20);
  await cache.set(task.key, { access_token: 'at', token_type: 'Bearer' });
});
