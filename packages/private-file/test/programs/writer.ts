/** Writes versions of a file until it is killed: each says how long it is, so that a reader knows whether it is whole. */
import { readTask } from '@oa-internal/processes/child';
import { writePrivate } from '@oa/private-file';
import { versionText } from '../versions.ts';

const task = readTask() as { path: string };
await writePrivate(task.path, versionText());
process.stdout.write('started\n');
for (;;) await writePrivate(task.path, versionText());
