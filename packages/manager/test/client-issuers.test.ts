import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createClientIssuers } from '../src/client-issuers.ts';
import { temporaryDirectory } from './setup.ts';

/** Lets `$XDG_CONFIG_HOME` name a directory of the test. */
function useDirectory(content?: string): string {
  const directory = temporaryDirectory();
  process.env['XDG_CONFIG_HOME'] = directory;
  const file = join(directory, 'test', 'issuers.json');
  mkdirSync(join(directory, 'test'), { mode: 0o700 });
  if (content !== undefined) writeFileSync(file, content, { mode: 0o600 });
  return file;
}

it('keeps the first issuer of a client, also when many are added at once', async () => {
  const file = useDirectory();
  const issuers = await createClientIssuers('test', false);
  await Promise.all(
    ['https://a.example', 'https://b.example', 'https://c.example'].map((issuer) => issuers.add('c', issuer)),
  );
  const first = await issuers.get('c');
  await issuers.add('c', 'https://late.example');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ c: first });
  expect(await issuers.get('other')).toBeUndefined();
});

it.each(['not JSON', '[]', 'null'])(
  'rejects with corrupt_file, and overwrites nothing, where the file holds %s',
  async (content) => {
    const file = useDirectory(content);
    const issuers = await createClientIssuers('test', false);
    await expect(issuers.get('c')).rejects.toMatchObject({ code: 'corrupt_file' });
    await expect(issuers.add('c', 'https://a.example')).rejects.toMatchObject({ code: 'corrupt_file' });
    expect(readFileSync(file, 'utf8')).toBe(content);
  },
);

it('ignores an entry that is no issuer', async () => {
  useDirectory('{"c":5}');
  expect(await (await createClientIssuers('test', false)).get('c')).toBeUndefined();
});

it('keeps the issuers in memory where the program keeps its tokens elsewhere', async () => {
  const issuers = await createClientIssuers('test', true);
  await issuers.add('c', 'https://a.example');
  await issuers.add('c', 'https://b.example');
  expect(await issuers.get('c')).toBe('https://a.example');
});
