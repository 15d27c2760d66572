import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createClientIssuers } from '../src/client-issuers.ts';
import { temporaryDirectory } from './setup.ts';

/** A directory of the test, and the file in it. */
function useDirectory(content?: string): { directory: string; file: string } {
  const directory = temporaryDirectory();
  const file = join(directory, 'issuers.json');
  if (content !== undefined) writeFileSync(file, content, { mode: 0o600 });
  return { directory, file };
}

it('keeps the first issuer of a client, also when many are added at once', async () => {
  const { directory, file } = useDirectory();
  const issuers = createClientIssuers(directory);
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
    const { directory, file } = useDirectory(content);
    const issuers = createClientIssuers(directory);
    await expect(issuers.get('c')).rejects.toMatchObject({ code: 'corrupt_file' });
    await expect(issuers.add('c', 'https://a.example')).rejects.toMatchObject({ code: 'corrupt_file' });
    expect(readFileSync(file, 'utf8')).toBe(content);
  },
);

it('ignores an entry that is no issuer', async () => {
  const { directory } = useDirectory('{"c":5}');
  expect(await createClientIssuers(directory).get('c')).toBeUndefined();
});

it('keeps the issuers in memory where there is no directory', async () => {
  const issuers = createClientIssuers(undefined);
  await issuers.add('c', 'https://a.example');
  await issuers.add('c', 'https://b.example');
  expect(await issuers.get('c')).toBe('https://a.example');
});
