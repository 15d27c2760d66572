/**
 * Adds 1 to a number in a file, again and again, each time with its lock held, and now and then kills itself in the middle.
 * Appends to a log what it has done, so that the final number can be compared with what it should be.
 */
import { appendFileSync } from 'node:fs';
import { monotonicMs, readTask } from '@oa-internal/testing/child';
import { readPrivate, withLock, writePrivate } from '@oa/private-file';
import { locks } from '../locks.ts';

interface Task {
  id: number;
  files: string[];
  rounds: number;
  /** The share of rounds in which it kills itself. */
  kills: number;
  log: string;
  lock: keyof typeof locks;
}
const task = readTask() as Task;
const lock = locks[task.lock];

function note(what: string): void {
  appendFileSync(task.log, `${what} ${monotonicMs()}\n`);
}

for (let round = 0; round < task.rounds; round += 1) {
  const file = task.files[Math.floor(Math.random() * task.files.length)] ?? '';
  await withLock(
    file,
    async () => {
      note('acquired');
      const count = Number((await readPrivate(file)) ?? '0');
      const dies = Math.random() < task.kills;
      if (dies && Math.random() < 0.5) {
        note('killed');
        process.kill(process.pid, 'SIGKILL');
      }
      await writePrivate(file, String(count + 1));
      note('added');
      if (dies) {
        note('killed');
        process.kill(process.pid, 'SIGKILL');
      }
    },
    lock === undefined ? {} : { lock },
  );
}
