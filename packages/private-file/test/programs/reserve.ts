/** Reserves room for a file, prints `reserved`, and runs until it is killed. */
import { readTask } from '@oa-internal/testing/child';
import { reservePrivate } from '@oa/private-file';

const task = readTask() as { path: string };
await reservePrivate(task.path);
process.stdout.write('reserved\n');
setInterval(() => undefined, 1000);
