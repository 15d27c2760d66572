/** Writes a file, plainly and through a reservation, and prints the order of what makes it durable. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { readTask } from '@oa-internal/testing/child';

const steps: string[] = [];
const { open, rename } = fs;
fs.open = async (...args) => {
  const handle = await open(...args);
  const sync = handle.sync.bind(handle);
  handle.sync = async () => {
    steps.push((await handle.stat()).isDirectory() ? 'sync directory' : 'sync file');
    await sync();
  };
  return handle;
};
fs.rename = async (...args) => {
  steps.push('rename');
  await rename(...args);
};
syncBuiltinESMExports();

const { reservePrivate, writePrivate } = await import('@oa/private-file');
const { path } = readTask() as { path: string };
await writePrivate(path, 'x');
steps.push('reserve');
const room = await reservePrivate(path);
steps.push('write');
await room.write('y');
await room.release();
process.stdout.write(steps.join(', '));
