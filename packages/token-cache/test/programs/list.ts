/** Iterates over the tokens of a directory, and prints how many files were open at once, were read ahead, and how often the way to them was checked. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { readTask } from '@oa-internal/testing/child';

const { directory } = readTask() as { directory: string };
const seen = { opened: 0, mostOpen: 0, checks: 0 };
const open = new Set<number>();
const { openSync, closeSync, lstatSync } = fs;
fs.openSync = (path, ...options) => {
  const descriptor = openSync(path, ...options);
  if (String(path).startsWith(directory)) {
    seen.opened += 1;
    open.add(descriptor);
    seen.mostOpen = Math.max(seen.mostOpen, open.size);
  }
  return descriptor;
};
fs.closeSync = (descriptor) => {
  open.delete(descriptor);
  closeSync(descriptor);
};
Object.assign(fs, {
  lstatSync: (path: string, options: object) => {
    if (path === directory) seen.checks += 1;
    return lstatSync(path, options);
  },
});
syncBuiltinESMExports();

// Imported only now: modules take what they need of `fs` when they are loaded.
const { fileTokenCache } = await import('@oa/token-cache');
let listed = 0;
let mostAhead = 0;
for await (const { file } of fileTokenCache({ directory }).list()) {
  if (file.startsWith(directory)) listed += 1;
  mostAhead = Math.max(mostAhead, seen.opened - listed);
}
const { opened, mostOpen, checks } = seen;
fs.writeSync(1, JSON.stringify({ listed, opened, mostOpen, mostAhead, checks }));
