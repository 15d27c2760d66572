import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonStore } from '../src/file-cache.ts';
import { expect, onTestFinished, test } from 'vitest';

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'oa-json-store-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'values');
}

test('a JSON store gives back what was set, from private files, for keys of any length and alphabet', async () => {
  const directory = temporaryDirectory();
  const keys = ['a', '../b', `https://as.example/${'x'.repeat(1000)}`, 'é\u0000'];
  for (const key of keys) await jsonStore<{ key: string }>(directory).set(key, { key });
  for (const key of keys) expect(await jsonStore(directory).get(key)).toEqual({ key });
  expect(readdirSync(directory)).toHaveLength(keys.length);
  for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  await jsonStore(directory).delete('a');
  expect(await jsonStore(directory).get('a')).toBeUndefined();
});

test('a value that is not JSON is a typed error', async () => {
  const directory = temporaryDirectory();
  const store = jsonStore(directory);
  await store.set('a', 1);
  writeFileSync(join(directory, readdirSync(directory)[0] ?? ''), '{');
  await expect((async () => store.get('a'))()).rejects.toMatchObject({ code: 'corrupt_file' });
});
