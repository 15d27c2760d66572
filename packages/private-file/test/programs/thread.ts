/** A worker thread that counts with a lock held: `counter` is the count and how many were inside together beyond one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { withLock } from '@oa/private-file';

const task = workerData as { path: string; counter: SharedArrayBuffer; rounds: number };
const [count] = [new Int32Array(task.counter)];
for (let round = 0; round < task.rounds; round += 1)
  await withLock(task.path, async () => {
    const before = Atomics.load(count, 0);
    await sleep(1);
    if (Atomics.compareExchange(count, 0, before, before + 1) !== before) Atomics.add(count, 1, 1);
  });
