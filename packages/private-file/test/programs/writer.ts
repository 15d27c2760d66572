/** Writes versions of a file, once or until it is killed: each says what it must be, so that a reader knows whether it is whole. */
import { readTask } from '@oa-internal/testing/child';
import { writePrivate } from '@oa/private-file';
import { versionText } from '../versions.ts';

const task = readTask() as { path: string; once?: boolean };
await writePrivate(task.path, versionText());
process.stdout.write('started\n');
while (task.once !== true) await writePrivate(task.path, versionText());
