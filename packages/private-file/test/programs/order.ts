/** Writes a file, writes it through a reservation, removes it, and prints the order of the calls that make this durable. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { readTask } from '@oa-internal/testing/child';

const steps: string[] = [];
const { open, rename, unlink } = fs;
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
fs.unlink = async (...args) => {
  await unlink(...args);
  steps.push('unlink');
};
syncBuiltinESMExports();

// Imported only now: modules take what they need of `fs` when they are loaded.
const { removePrivate, reservePrivate, writePrivate } = await import('@oa/private-file');
const { path } = readTask() as { path: string };
await writePrivate(path, 'x');
steps.push('reserve');
const room = await reservePrivate(path);
steps.push('write');
await room.write('y');
await room.release();
steps.push('remove');
await removePrivate(path);
process.stdout.write(steps.join(', '));
