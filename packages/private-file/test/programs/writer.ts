/** Writes versions of a file until it is killed: each says how long it is, so that a reader knows whether it is whole. */
import { writePrivate } from '@oa/private-file';
import { versionText } from '../versions.ts';

const task = JSON.parse(process.argv[2] ?? '') as { path: string };
await writePrivate(task.path, versionText());
process.stdout.write('started\n');
for (;;) await writePrivate(task.path, versionText());
