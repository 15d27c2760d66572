import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { KEY, TOKEN, useCache } from '../setup.ts';

const fixture = useCache();

it('a fresh token is returned after opening one file, without a write, and without loading a heavy module', async () => {
  const { cache, directory } = fixture;
  await cache.set(KEY, TOKEN);
  const names = readdirSync(directory);
  const program = new URL('../programs/hit.ts', import.meta.url);
  const { stdout, stderr } = await startProcess(program, { task: { directory, key: KEY } }).ended;
  expect(stderr).toBe('');
  const seen = JSON.parse(stdout) as { token: string; opened: string[]; changed: string[]; modules: string[] };
  expect(seen.token).toBe('at');
  expect(seen.opened).toEqual([join(directory, names[0] ?? '')]);
  expect(seen.changed).toEqual([]);
  expect(seen.modules.filter((name) => /sqlite|undici|http|child_process|valibot/.test(name))).toEqual([]);
  expect(readdirSync(directory)).toEqual(names);
});
