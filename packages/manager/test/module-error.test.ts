import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadOnce } from '../src/module-error.ts';
import { temporaryDirectory } from './setup.ts';

it('rejects with a storage error where a file of a module can not be read, and loads again, once, at the next call', async () => {
  const file = join(temporaryDirectory(), 'module.js');
  let loads = 0;
  const load = loadOnce(async () => {
    loads += 1;
    return readFileSync(file, 'utf8');
  });
  await expect(load()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
  writeFileSync(file, 'loaded');
  expect([await load(), await load(), loads]).toEqual(['loaded', 'loaded', 2]);
});
