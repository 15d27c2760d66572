/** Writes versions of a file, once or until it is killed. A reader can see whether a version is whole. */
import { readTask } from '@oa-internal/testing/child';
import { writePrivate } from '@oa/private-file';
import { createVersion } from '../versions.ts';

const task = readTask() as { path: string; once?: boolean };
await writePrivate(task.path, createVersion());
process.stdout.write('started\n');
while (task.once !== true) await writePrivate(task.path, createVersion());
