import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasKeyring, inspectAll, rejectionOf, startKeyring, startProcess, type Keyring } from '@oa-internal/testing';
import { keychainKey } from '@oa/keychain';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

const HEADLESS =
  /On a machine without a desktop session, use passphraseKey or systemdCredential of @oa\/keychain instead\.$/;

it.each([
  [{ account: 'tokens' }, /options\.service must be a string of 1 to 255 characters without control characters/],
  [{ service: 'my-tool', account: '' }, /options\.account must be a string of 1 to 255 characters/],
  [{ service: 'my\ntool', account: 'tokens' }, /options\.service .* without control characters/],
  [{ service: 'my-tool', account: 'x'.repeat(256) }, /options\.account must be/],
  [{ service: 'my-tool', account: 'tokens', timeout: 0 }, /options\.timeout must be a number of milliseconds/],
  [{ service: 'my-tool', account: 'tokens', timeout: Infinity }, /options\.timeout must be .* at most 2147483647/],
  [{ service: 'my-tool', account: 'tokens', plaintext: true }, /keychainKey has no option plaintext/],
])('refuses wrong options at once: %o', (options, message) => {
  expect(() => keychainKey(options as never)).toThrow(message);
  expect(() => keychainKey(options as never)).toThrow(TypeError);
});

it('has an id with its names, and no member that shows a key', () => {
  const source = keychainKey({ service: 'my-tool', account: 'tokens' });
  expect(Object.keys(source)).toEqual(['id', 'key']);
  expect(source.id).toBe('keychain:my-tool/tokens');
});

describe.runIf(hasKeyring())('with GNOME Keyring', () => {
  let keyring: Keyring;
  let count = 0;
  let item: { service: string; account: string };

  beforeAll(async () => {
    keyring = await startKeyring();
  });
  afterAll(() => keyring.stop());
  beforeEach(() => {
    for (const [name, value] of Object.entries(keyring.env)) vi.stubEnv(name, value);
    count += 1;
    item = { service: 'my-tool', account: `tokens ${count}` };
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  /** What the keyring has for the item. */
  function stored(): string {
    const args = ['lookup', 'service', item.service, 'account', item.account];
    return execFileSync('secret-tool', args, { env: keyring.env, encoding: 'utf8' });
  }

  function store(text: string, ...more: string[]): void {
    const args = ['store', '--label=test', 'service', item.service, 'account', item.account, ...more];
    execFileSync('secret-tool', args, { env: keyring.env, input: text });
  }

  /** The number of items, locked ones included. */
  function items(): number {
    const args = ['search', '--all', 'service', item.service, 'account', item.account];
    return spawnSync('secret-tool', args, { env: keyring.env, encoding: 'utf8' }).stdout.match(/^\[/gm)?.length ?? 0;
  }

  it('creates a random key of 32 bytes at the first use, and reads it afterwards', async () => {
    const key = await keychainKey(item).key();
    expect(key).toHaveLength(32);
    expect(stored()).toBe(Buffer.from(key).toString('hex'));
    const source = keychainKey(item);
    expect(await source.key()).toEqual(key);
    expect(inspectAll(source)).not.toContain(Buffer.from(key).toString('hex'));
    expect(inspectAll(source)).not.toMatch(/Uint8Array|Buffer/);
    expect(await keychainKey({ ...item, account: 'others' }).key()).not.toEqual(key);
    expect(items()).toBe(1);
  });

  it('keeps the key in the process: the keyring is asked once, and a caller that changes its copy harms no other', async () => {
    const source = keychainKey(item);
    const [first, second] = await Promise.all([source.key(), source.key()]);
    expect(first).toEqual(second);
    const key = Buffer.from(second ?? []);
    first?.fill(0);
    await keyring.lock();
    expect(Buffer.from(await source.key())).toEqual(key);
    await keyring.unlock();
  });

  it('finds names with quotes, dashes and letters of other scripts', async () => {
    item = { service: '--"my\'tool" \\é', account: '-$HOME `id` %s 日本' };
    const key = await keychainKey(item).key();
    expect(await keychainKey(item).key()).toEqual(key);
    expect(await keychainKey({ ...item, account: '-$HOME' }).key()).not.toEqual(key);
  });

  it('takes a key that the user has stored, in base64', async () => {
    const key = crypto.getRandomValues(new Uint8Array(32));
    store(`${Buffer.from(key).toString('base64')}\n`);
    expect(await keychainKey(item).key()).toEqual(key);
  });

  it('ends with one key where 20 processes create it at the same moment', async () => {
    const file = join(keyring.home, `start-${count}`);
    const program = new URL('programs/print-key.ts', import.meta.url);
    const children = Array.from({ length: 20 }, () =>
      startProcess(program, { task: { file, ...item }, env: keyring.env }),
    );
    await Promise.all(children.map((child) => child.printed('ready')));
    writeFileSync(file, '');
    const ends = await Promise.all(children.map((child) => child.ended));
    expect(ends.map(({ stderr }) => stderr).join('')).toBe('');
    expect(new Set(ends.map(({ stdout }) => /key=[\da-f]{64}/.exec(stdout)?.[0])).size).toBe(1);
    expect(items()).toBe(1);
  });

  it.each([['planted-secret'], ['00112233445566778899aabbccddeeff'], ['']])(
    'says that the stored text %o is no key, and leaves it',
    async (text) => {
      store(text);
      const error = await rejectionOf(keychainKey(item).key());
      expect(error).toMatchObject({ code: 'storage_unavailable', retryable: false });
      expect(error.message).toMatch(/in the keychain is no encryption key: that is 32 bytes .* It is left as it is\. /);
      expect(inspectAll(error)).not.toContain('planted-secret');
      expect(stored()).toBe(text);
      expect(items()).toBe(1);
    },
  );

  it('reports a locked keyring, makes no other key, and finds the key when it is unlocked', async () => {
    const source = keychainKey(item);
    const key = await keychainKey(item).key();
    await keyring.lock();
    const error = await rejectionOf(source.key());
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toMatch(
      /: the keyring is locked, or the request to unlock it was refused\. Unlock it, and try again\./,
    );
    expect(error.message).toMatch(HEADLESS);
    expect(items()).toBe(1);
    await keyring.unlock();
    expect(await source.key()).toEqual(key);
    expect(items()).toBe(1);
  });

  it('reports a locked keyring that has no such key', async () => {
    await keyring.lock();
    const error = await rejectionOf(keychainKey(item).key());
    await keyring.unlock();
    expect(error.message).toMatch(/: the keyring is locked/);
    expect(items()).toBe(0);
  });

  it('ends the wait for a keyring that hangs after `timeout`, ends secret-tool, and works afterwards', async () => {
    process.kill(keyring.pid(), 'SIGSTOP');
    const error = await rejectionOf(keychainKey({ ...item, timeout: 300 }).key());
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toMatch(/: it did not answer within 0\.3 seconds\. Answer its dialog if it shows one/);
    await expect.poll(() => childrenOf(process.pid, 'secret-tool'), { timeout: 20_000 }).toEqual([]);
    process.kill(keyring.pid(), 'SIGCONT');
    expect(await keychainKey(item).key()).toHaveLength(32);
  });

  it('rejects with the reason of the signal, and ends secret-tool with its last caller', async () => {
    process.kill(keyring.pid(), 'SIGSTOP');
    const controller = new AbortController();
    const reason = new Error('stop');
    const source = keychainKey(item);
    const result = source.key(controller.signal);
    await expect.poll(() => childrenOf(process.pid, 'secret-tool').length, { timeout: 20_000 }).toBe(1);
    controller.abort(reason);
    await expect(result).rejects.toBe(reason);
    await expect.poll(() => childrenOf(process.pid, 'secret-tool'), { timeout: 20_000 }).toEqual([]);
    await expect(source.key(controller.signal)).rejects.toBe(reason);
    process.kill(keyring.pid(), 'SIGCONT');
    expect(await source.key()).toHaveLength(32);
  });

  it.each([
    ['without a bus', undefined],
    ['with a bus that is gone', 'unix:path=/no/such/bus'],
  ])('reports that there is no session bus, %s', async (_, address) => {
    vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', address);
    const error = await rejectionOf(keychainKey(item).key());
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: false });
    expect(error.message).toMatch(
      /: there is no D-Bus session bus\. Log in to a desktop session\. .* dbus-run-session/,
    );
    expect(error.message).toMatch(HEADLESS);
  });

  it('reports that no keyring runs', async () => {
    await keyring.end();
    const error = await rejectionOf(keychainKey(item).key());
    await keyring.unlock();
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toMatch(
      /: no keyring answers on the session bus\. Install and start one, such as gnome-keyring/,
    );
    expect(error.message).toMatch(HEADLESS);
  });

  it('makes no key that it could not lock for', async () => {
    vi.stubEnv('XDG_CONFIG_HOME', '/proc/no/such/directory');
    const error = await rejectionOf(keychainKey(item).key());
    expect(error).toMatchObject({ code: 'storage_unavailable' });
    expect(items()).toBe(0);
  });

  it('writes no file but an empty lock', () => {
    const [name = '', ...others] = readdirSync(join(keyring.home, 'config', 'oa')).filter(
      (each) => !each.endsWith('.lock'),
    );
    expect([name, ...others].filter(Boolean)).toEqual([]);
  });
});

/** The running children of a process with this name. */
function childrenOf(parent: number, name: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    const [, command, state, owner] = /^\d+ \((.*)\) (\S) (\d+) /.exec(readStat(pid)) ?? [];
    return command === name && state !== 'Z' && Number(owner) === parent;
  });
}

function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It has ended, or it is no process.
    return '';
  }
}
