/**
 * Adds 1 to a number in a file, many times, each time with the lock of the file held, and now and then kills itself while it
 * holds the lock. It appends what it does to a log, so that the final number can be compared with the log.
 */
import { appendFileSync } from 'node:fs';
import { monotonicMs, readTask } from '@oa-internal/testing/child';
import { readPrivate, withLock, writePrivate } from '@oa/private-file';
import { locks } from '../locks.ts';

const task = readTask() as {
  files: string[];
  rounds: number;
  /** The share of rounds in which it kills itself. */
  kills: number;
  log: string;
  lock: keyof typeof locks;
};

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
    { lock: locks[task.lock] },
  );
}
