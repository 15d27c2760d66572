import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspectAll, rejectionOf, temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createKeychainSource } from '../src/keychain-key.ts';
import { openMacKeychain, quoteForSecurity } from '../src/mac-keychain.ts';

const ITEM = { service: 'my-tool', account: 'tokens' };
let directory: string;
let program: string;

beforeEach(() => {
  directory = temporaryDirectory();
  vi.stubEnv('XDG_CONFIG_HOME', directory);
  program = join(directory, 'security');
  const standIn = fileURLToPath(new URL('programs/security.ts', import.meta.url));
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${standIn}" "${directory}" "$@"\n`);
  chmodSync(program, 0o700);
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  vi.unstubAllEnvs();
});

function key(item = ITEM, timeout = 60_000): Promise<Uint8Array> {
  return createKeychainSource(item, timeout, async () => openMacKeychain(item, program)).key();
}

it('creates a key, reads it afterwards, and passes it through the standard input only', async () => {
  const created = await key();
  expect(created).toHaveLength(32);
  expect(await key()).toEqual(created);
  const text = Buffer.from(created).toString('hex');
  expect(readFileSync(join(directory, 'keychain.json'), 'utf8')).toContain(text);
  const children = readFileSync(join(directory, 'children'), 'utf8');
  expect(children.match(/^\[\["-i"\]/gm)).toHaveLength(5);
  expect(children).not.toContain(text);
});

it.each([
  [{ service: 'my tool', account: 'a"b\\c\'d' }],
  [{ service: '-s "x" -a', account: '-w' }],
  [{ service: '\\', account: '$HOME `id`' }],
])('finds %o by the whole names', async (item) => {
  const created = await key(item);
  expect(await key(item)).toEqual(created);
  expect(Object.keys(JSON.parse(readFileSync(join(directory, 'keychain.json'), 'utf8')) as object)).toEqual([
    JSON.stringify([item.service, item.account]),
  ]);
});

it('takes the key of another process that was faster', async () => {
  const keychain = openMacKeychain(ITEM, program);
  const { signal } = new AbortController();
  await keychain.add('ab'.repeat(32), signal);
  await keychain.add('cd'.repeat(32), signal);
  expect(Buffer.from(await key()).toString('hex')).toBe('ab'.repeat(32));
});

it.each([
  [36, /: it is locked, and no dialog can be shown here\. Run: security unlock-keychain\./],
  [51, /: the access was denied, or the password was wrong\. Allow the access/],
  [128, /: the user closed its dialog\. Allow the access/],
  [37, /: this user has no keychain\. Log in at the screen once/],
  [1, /: \/usr\/bin\/security failed \(1\)\. Check that the keychain works/],
])('explains the exit status %i', async (status, message) => {
  writeFileSync(join(directory, 'failure'), String(status));
  const error = await rejectionOf(key());
  expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
  expect(error.message).toMatch(message);
});

it('does not lose the error of the second command', async () => {
  const keychain = openMacKeychain(ITEM, program);
  writeFileSync(join(directory, 'failure'), '51');
  const error = await rejectionOf(keychain.add('ab'.repeat(32), new AbortController().signal));
  expect(error.message).toMatch(/: the access was denied/);
  expect(inspectAll(error)).not.toContain('abab');
});

it('says that another text is no key', async () => {
  await openMacKeychain(ITEM, program).add('planted-secret', new AbortController().signal);
  const error = await rejectionOf(key());
  expect(error.message).toMatch(/my-tool\/tokens in the keychain is no encryption key/);
  expect(inspectAll(error)).not.toContain('planted-secret');
});

it('ends a program that hangs', async () => {
  writeFileSync(program, '#!/bin/sh\nexec sleep 1000\n');
  expect((await rejectionOf(key(ITEM, 300))).message).toMatch(
    /: it did not answer within 0\.3 seconds\. Answer its dialog/,
  );
});

it('reports that the program of macOS is missing', async () => {
  const error = await rejectionOf(
    createKeychainSource(ITEM, 60_000, async () => openMacKeychain(ITEM, '/no/such')).key(),
  );
  expect(error.message).toMatch(/: \/usr\/bin\/security failed \(ENOENT\)\./);
});

it.each([
  ['plain', '"plain"'],
  ['with space', '"with space"'],
  ['"', String.raw`"\""`],
  ['\\', String.raw`"\\"`],
  [`a'b`, `"a'b"`],
  ['', '""'],
])('quotes %o for security as %s', (text, quoted) => {
  expect(quoteForSecurity(text)).toBe(quoted);
});
