import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspectAll, rejectionOf, temporaryDirectory } from '@oa-internal/testing';
import { systemdCredential } from '@oa/keychain';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const KEY = crypto.getRandomValues(new Uint8Array(32));
let directory: string;

beforeEach(() => {
  directory = temporaryDirectory();
  vi.stubEnv('CREDENTIALS_DIRECTORY', directory);
});
afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true });
  vi.unstubAllEnvs();
});

function write(content: string | Uint8Array, mode = 0o400): void {
  writeFileSync(join(directory, 'token-key'), content);
  chmodSync(join(directory, 'token-key'), mode);
}

it.each([
  ['raw bytes', KEY],
  ['base64', `${Buffer.from(KEY).toString('base64')}\n`],
  ['base64url', Buffer.from(KEY).toString('base64url')],
  ['hexadecimal', `${Buffer.from(KEY).toString('hex')}\n`],
])('reads a credential of %s, once', async (_, content) => {
  write(content);
  const source = systemdCredential('token-key');
  expect(source.id).toBe('systemd:token-key');
  const key = await source.key();
  expect(key).toEqual(KEY);
  key.fill(0);
  rmSync(join(directory, 'token-key'));
  expect(await source.key()).toEqual(KEY);
});

it('accepts the modes of systemd: 0400 and 0440 in a directory of mode 0500', async () => {
  write(KEY);
  chmodSync(directory, 0o500);
  expect(await systemdCredential('token-key').key()).toEqual(KEY);
  // The bits of the group are the access list for the user of the service.
  chmodSync(join(directory, 'token-key'), 0o440);
  expect(await systemdCredential('token-key').key()).toEqual(KEY);
});

it.each([
  [
    'a file that others can read',
    () => write(KEY, 0o404),
    /token-key is open to other users \(mode 404\), so it is not used\. Let systemd make it/,
  ],
  ['a file that its group can write', () => write(KEY, 0o460), /is open to other users \(mode 460\)/],
  [
    'a directory that others can write',
    () => {
      write(KEY);
      chmodSync(directory, 0o702);
    },
    /is open to other users \(mode 702\)/,
  ],
  [
    'a missing credential',
    () => undefined,
    /^There is no credential .*token-key\. Add LoadCredentialEncrypted=token-key to the unit/,
  ],
  [
    'no service of systemd',
    () => vi.stubEnv('CREDENTIALS_DIRECTORY', undefined),
    /^CREDENTIALS_DIRECTORY is not set, .* as a service of systemd, with LoadCredentialEncrypted=token-key/,
  ],
  [
    'a relative directory',
    () => vi.stubEnv('CREDENTIALS_DIRECTORY', 'credentials'),
    /^CREDENTIALS_DIRECTORY is not set/,
  ],
  [
    'a symbolic link',
    () => symlinkSync('/etc/hostname', join(directory, 'token-key')),
    /can't be read by this user \(ELOOP\)/,
  ],
  ['a directory of this name', () => mkdirSync(join(directory, 'token-key')), /is no encryption key/],
  [
    'too few bytes',
    () => write('planted-secret'),
    /token-key is no encryption key: that is 32 bytes, .* Make one: openssl rand -base64 32 \| systemd-creds encrypt --name=token-key/,
  ],
  ['too many bytes', () => write('a'.repeat(5000)), /is no encryption key/],
  [
    'a file in the place of the directory',
    () => vi.stubEnv('CREDENTIALS_DIRECTORY', '/etc/hostname/x'),
    /can't be read \(ENOTDIR\)/,
  ],
])('reports %s', async (_, prepare, message) => {
  prepare();
  const error = await rejectionOf(systemdCredential('token-key').key());
  expect(error.code).toBe('storage_unavailable');
  expect(error.message).toMatch(message);
  expect(inspectAll(error)).not.toContain('planted-secret');
});

it.runIf(process.geteuid?.() === 0)('refuses the file of another user', async () => {
  write(KEY);
  chownSync(join(directory, 'token-key'), 12_345, 12_345);
  const error = await rejectionOf(systemdCredential('token-key').key());
  expect(error.message).toMatch(/token-key belongs to uid 12345, so it is not used/);
});

it('reads again after an error', async () => {
  const source = systemdCredential('token-key');
  await rejectionOf(source.key());
  write(KEY);
  expect(await source.key()).toEqual(KEY);
  expect(readFileSync(join(directory, 'token-key'))).toHaveLength(32);
});

it('rejects with the reason of an abort', async () => {
  const reason = new Error('stop');
  await expect(systemdCredential('token-key').key(AbortSignal.abort(reason))).rejects.toBe(reason);
});

it.each(['', '.', '..', 'a/b', 'a:b', 'a\\b', 'a\nb', 'é', 'x'.repeat(256), undefined])(
  'refuses the name %o',
  (name) => {
    expect(() => systemdCredential(name as never)).toThrow(TypeError);
    expect(() => systemdCredential(name as never)).toThrow(/^The name of a credential must be a file name/);
  },
);
