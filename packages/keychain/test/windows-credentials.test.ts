import { rmSync } from 'node:fs';
import {
  hasKeyring,
  inspectAll,
  rejectionOf,
  startKeyring,
  startProcess,
  temporaryDirectory,
} from '@oa-internal/testing';
import { attempt } from '@oa/types';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createKeychainSource } from '../src/keychain-key.ts';
import { openWindowsCredentials, type KeyringModule } from '../src/windows-credentials.ts';

const ITEM = { service: 'my-tool', account: 'tokens' };
let directory: string;

beforeEach(() => {
  directory = temporaryDirectory();
  vi.stubEnv('XDG_CONFIG_HOME', directory);
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  vi.unstubAllEnvs();
});

/** Stands in for `@napi-rs/keyring`. */
function standIn(passwords: Map<string, string>, failure?: Error): KeyringModule {
  return {
    AsyncEntry: class {
      readonly #name: string;
      constructor(service: string, account: string) {
        this.#name = `${service}/${account}`;
      }
      async getPassword(): Promise<string | null> {
        if (failure !== undefined) throw failure;
        return passwords.get(this.#name) ?? null;
      }
      async setPassword(password: string): Promise<void> {
        passwords.set(this.#name, password);
      }
    },
  };
}

function key(load?: () => Promise<unknown>): Promise<Uint8Array> {
  return createKeychainSource(ITEM, 60_000, async (item) => openWindowsCredentials(item, load)).key();
}

it('creates a key in the Credential Manager, and reads it afterwards', async () => {
  const passwords = new Map<string, string>();
  const created = await key(async () => standIn(passwords));
  expect(passwords).toEqual(new Map([['my-tool/tokens', Buffer.from(created).toString('hex')]]));
  expect(await key(async () => standIn(passwords))).toEqual(created);
});

it('says how to install the package where it is missing', async () => {
  const missing = '@napi-rs/no-such-package';
  const error = await rejectionOf(key(() => import(missing)));
  expect(error).toMatchObject({ code: 'storage_unavailable', retryable: false });
  expect(error.message).toMatch(
    /: the package @napi-rs\/keyring is not installed, .* Run: npm install @napi-rs\/keyring\./,
  );
});

it.runIf(hasKeyring())('uses the real package, which asks GNOME Keyring here', async () => {
  const keyring = await startKeyring();
  try {
    const program = new URL('programs/real-package.ts', import.meta.url);
    const { stdout, stderr } = await startProcess(program, { env: keyring.env }).ended;
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^([\da-f]{64})\n\1\n$/);
  } finally {
    await keyring.stop();
  }
});

it('finds no key of a name that no program has', async () => {
  const keychain = openWindowsCredentials({ service: 'oa-test', account: crypto.randomUUID() });
  const found = await attempt(keychain.find(new AbortController().signal));
  // A container may have neither a keyring nor that of the kernel.
  expect(found.ok ? (found.value ?? 'storage_unavailable') : found.error.code).toBe('storage_unavailable');
});

it('drops the error of the package', async () => {
  const error = await rejectionOf(key(async () => standIn(new Map(), new Error('planted-secret'))));
  expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
  expect(error.message).toMatch(/: the Credential Manager refused\. Check that it works for this user/);
  expect(inspectAll(error)).not.toContain('planted-secret');
});

it('ends the wait for a Credential Manager that hangs', async () => {
  const hanging = {
    AsyncEntry: class {
      getPassword = (): Promise<never> => new Promise(() => undefined);
    },
  };
  const source = createKeychainSource(ITEM, 200, async (item) => openWindowsCredentials(item, async () => hanging));
  expect((await rejectionOf(source.key())).message).toMatch(
    /: it did not answer within 0\.2 seconds\. Check that the Credential/,
  );
});

it('rejects with the reason of an abort', async () => {
  const reason = new Error('stop');
  const keychain = openWindowsCredentials(ITEM, async () => standIn(new Map()));
  await expect(keychain.find(AbortSignal.abort(reason))).rejects.toBe(reason);
});
