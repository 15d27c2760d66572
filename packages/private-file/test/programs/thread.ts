/** A worker thread that counts with the lock held. `counter` holds the count, and how often another thread was inside too. */
import { setTimeout as sleep } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { withLock } from '@oa/private-file';

const task = workerData as { path: string; counter: SharedArrayBuffer; rounds: number };
const counter = new Int32Array(task.counter);
for (let round = 0; round < task.rounds; round += 1)
  await withLock(task.path, async () => {
    const before = Atomics.load(counter, 0);
    await sleep(1);
    if (Atomics.compareExchange(counter, 0, before, before + 1) !== before) Atomics.add(counter, 1, 1);
  });
