/** Reserves, says so, and goes on until it is killed. */
import { reservePrivate } from '@oa/private-file';

const task = JSON.parse(process.argv[2] ?? '') as { path: string };
await reservePrivate(task.path);
process.stdout.write('reserved\n');
setInterval(() => undefined, 1000);
