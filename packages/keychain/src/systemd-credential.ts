import type { Stats } from 'node:fs';
import { createLoader } from '@oa/mechanisms';
import { isOAuthError, OAuthError, type KeySource } from '@oa/types';
import { ENCRYPTION_KEY_BYTES, parseKeyText } from './key-text.ts';

const MAX_CREDENTIAL_BYTES = 1024;
const MAX_CREDENTIAL_NAME_CHARACTERS = 255;
const SETTING = 'LoadCredentialEncrypted=';

/**
 * Makes a source that reads the key from a credential of systemd, the file `<name>` in `$CREDENTIALS_DIRECTORY`: 32 bytes, or their text in
 * base64 or hexadecimal. The file must belong to this user or to root, and be closed to others.
 *
 * `key()` rejects with an `OAuthError` `storage_unavailable` whose message has the cure.
 *
 * @param name the name of the credential in the unit
 * @throws {TypeError} if `name` can't be the name of a credential
 * @see https://systemd.io/CREDENTIALS/
 * @example
 * const encryption = systemdCredential('token-key');
 */
export function systemdCredential(name: string): KeySource {
  assertCredentialName(name);
  const load = createLoader(async () => readCredential(name));
  return {
    id: `systemd:${name}`,
    async key(signal) {
      signal?.throwIfAborted();
      return Uint8Array.from(await load());
    },
  };
}

function assertCredentialName(name: unknown): void {
  const isName =
    typeof name === 'string' &&
    name.length > 0 &&
    name.length <= MAX_CREDENTIAL_NAME_CHARACTERS &&
    /^[ -~]+$/.test(name) &&
    !/[/:\\]/.test(name) &&
    name !== '.' &&
    name !== '..';
  if (!isName)
    throw new TypeError('The name of a credential must be a file name in ASCII, without slashes and colons.');
}

/** @throws {OAuthError} `storage_unavailable` */
function readCredential(name: string): Uint8Array {
  const directory = process.env['CREDENTIALS_DIRECTORY'] ?? '';
  const paths = process.getBuiltinModule('node:path');
  if (!paths.isAbsolute(directory))
    throw credentialError(
      `CREDENTIALS_DIRECTORY is not set, so there is no credential ${name}`,
      `Start the program as a service of systemd, with ${SETTING}${name} in its unit.`,
    );
  const path = paths.join(directory, name);
  try {
    const key = toCredentialKey(readClosedFile(directory, path));
    if (key !== undefined) return key;
  } catch (error) {
    throw toCredentialError(name, path, error);
  }
  throw credentialError(
    `The credential ${path} is no encryption key: that is 32 bytes, or their text in base64 or hexadecimal`,
    `Make one: openssl rand -base64 32 | systemd-creds encrypt --name=${name} - ${name}.cred`,
  );
}

/** 32 bytes are the key itself. No text of a key is as short. */
function toCredentialKey(bytes: Buffer): Uint8Array | undefined {
  return bytes.length === ENCRYPTION_KEY_BYTES ? bytes : parseKeyText(bytes.toString('latin1'));
}

/** The checks look at the open descriptor: nothing can be exchanged between check and read. */
function readClosedFile(directory: string, path: string): Buffer {
  const { closeSync, constants, fstatSync, openSync, readFileSync, statSync } = process.getBuiltinModule('node:fs');
  assertClosed(directory, statSync(directory), 0o022);
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size > MAX_CREDENTIAL_BYTES) return Buffer.alloc(0);
    assertClosed(path, stats, 0o037);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Refuses what another user could have planted or read. systemd gives a file to the user of the service, or leaves it to root and adds an
 * access list. `stat` then shows the list as the bits of the group, so a group may read.
 */
function assertClosed(path: string, { uid, mode }: Stats, forbidden: number): void {
  const isOwn = uid === 0 || uid === process.geteuid?.();
  if (isOwn && (mode & forbidden) === 0) return;
  const problem = isOwn ? `is open to other users (mode ${(mode & 0o777).toString(8)})` : `belongs to uid ${uid}`;
  throw credentialError(
    `${path} ${problem}, so it is not used`,
    `Let systemd make it, with ${SETTING} in the unit. In other places, close it to other users with chmod and chown.`,
  );
}

function toCredentialError(name: string, path: string, error: unknown): unknown {
  if (isOAuthError(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return credentialError(`There is no credential ${path}`, `Add ${SETTING}${name} to the unit, and restart it.`);
  if (code === 'ELOOP' || code === 'EACCES' || code === 'EPERM')
    return credentialError(
      `The credential ${path} can't be read by this user (${code})`,
      `Add ${SETTING}${name} to the unit of this very service, and restart it.`,
    );
  return credentialError(`The credential ${path} can't be read (${String(code)})`, 'Try again.', true);
}

function credentialError(problem: string, cure: string, retryable = false): OAuthError {
  return new OAuthError('storage_unavailable', `${problem}. ${cure}`, { retryable });
}
