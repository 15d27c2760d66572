import { EventEmitter } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  findProgram,
  hasKeyring,
  inspectAll,
  rejectionOf,
  startKeyring,
  temporaryDirectory,
  type Keyring,
} from '@oa-internal/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKeychainSource } from '../src/keychain-key.ts';
import { openSecretService } from '../src/secret-service.ts';

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

/** Puts a script in the place of secret-tool, which decides by `$1`, the command. */
function script(lines: string): void {
  writeFileSync(join(directory, 'secret-tool'), `#!/bin/sh\n${lines}\n`);
  chmodSync(join(directory, 'secret-tool'), 0o700);
}

function key(timeout = 60_000): Promise<Uint8Array> {
  return createKeychainSource(ITEM, timeout, async (item) => openSecretService(item, [directory])).key();
}

describe('with a scripted secret-tool', () => {
  it('reports that secret-tool is missing, with the command that installs it', async () => {
    mkdirSync(join(directory, 'secret-tool'));
    const error = await rejectionOf(key());
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: false });
    expect(error.message).toMatch(
      /: the program secret-tool is not installed\. Install it: apt install libsecret-tools/,
    );
  });

  it.each([
    [
      'fails with a text that is not known',
      'echo "secret-tool: planted-secret" >&2; exit 3',
      /: secret-tool failed \(3\)\./,
    ],
    ['fails without a text', 'exit 7', /: secret-tool failed \(7\)\./],
    ['is killed', 'kill -9 $$', /: secret-tool failed \(SIGKILL\)\./],
    [
      'fails with a message of its own and the status 1',
      'echo "secret-tool: Timeout" >&2; exit 1',
      /: secret-tool failed \(1\)\./,
    ],
    ['prints too much', 'cat /dev/zero', /: secret-tool failed \(SIGKILL\)\./],
    [
      'says that the user closed the dialog',
      'echo "secret-tool: The prompt was dismissed" >&2; exit 1',
      /: the keyring is locked, or the request/,
    ],
  ])('reports a secret-tool that %s, and quotes nothing of it', async (_, lines, message) => {
    script(lines);
    const error = await rejectionOf(key());
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toMatch(message);
    expect(inspectAll(error)).not.toContain('planted-secret');
  });

  it('reports a secret-tool that can not be started', async () => {
    script('');
    writeFileSync(join(directory, 'secret-tool'), '#!/no/such/interpreter');
    expect((await rejectionOf(key())).message).toMatch(/: secret-tool failed \(ENOENT\)\./);
  });

  it('is not confused by a warning of a library where nothing is stored', async () => {
    script(
      'case "$1" in lookup) echo "(secret-tool:1): GLib-WARNING **: locked" >&2; exit 1;; search) exit 1;; store) exit 5;; esac',
    );
    expect((await rejectionOf(key())).message).toMatch(/: secret-tool failed \(5\)\./);
  });

  it('reports a search that fails', async () => {
    script('case "$1" in lookup) exit 1;; search) echo "secret-tool: no" >&2; exit 1;; *) exit 0;; esac');
    expect((await rejectionOf(key())).message).toMatch(/: secret-tool failed \(1\)\./);
  });

  it('asks for no second unlocking, and stores nothing, where the user has closed the dialog', async () => {
    script(`echo "$1" >> "${directory}/calls"
      case "$1" in lookup) exit 1;; search) echo "[/1]"; echo "secret-tool: Cannot get secret of a locked object" >&2;; esac`);
    expect((await rejectionOf(key())).message).toMatch(
      /: the keyring is locked, or the request to unlock it was refused\./,
    );
    expect(readFileSync(join(directory, 'calls'), 'utf8')).toBe('lookup\nsearch\n');
  });

  it('takes the key that another process has made before this one had the lock', async () => {
    script(`echo "$1" >> "${directory}/calls"
      case "$1" in lookup) [ "$(grep -c lookup "${directory}/calls")" = 2 ] && printf ${'ab'.repeat(32)} || exit 1;; esac`);
    expect(Buffer.from(await key()).toString('hex')).toBe('ab'.repeat(32));
    expect(readFileSync(join(directory, 'calls'), 'utf8')).toBe('lookup\nsearch\nlookup\n');
  });

  it('reports a keyring that does not keep the new key', async () => {
    script('case "$1" in lookup) exit 1;; *) exit 0;; esac');
    expect((await rejectionOf(key())).message).toMatch(/: it did not keep a new key\./);
  });

  it('reports that the process has no descriptors left', async () => {
    script('');
    vi.spyOn(process.getBuiltinModule('node:child_process'), 'spawn').mockImplementationOnce(() => {
      const child = Object.assign(new EventEmitter(), { kill: () => false });
      setImmediate(() => child.emit('error', Object.assign(new Error('planted-secret'), { code: 'EMFILE' })));
      return child as never;
    });
    const error = await rejectionOf(key());
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toMatch(/: secret-tool failed \(EMFILE\)\./);
    expect(inspectAll(error)).not.toContain('planted-secret');
  });

  it('reports a module that can not be loaded', async () => {
    const failure = Object.assign(new Error('EMFILE'), { code: 'EMFILE', errno: -24, syscall: 'open' });
    const error = await rejectionOf(createKeychainSource(ITEM, 60_000, () => Promise.reject(failure)).key());
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toMatch(/^'?A module of @oa\/keychain'? can't be used \(EMFILE\)/);
  });

  it('ends a secret-tool that hangs', async () => {
    script(`echo $$ > "${directory}/pid"; exec sleep 1000`);
    const error = await rejectionOf(key(500));
    expect(error.message).toMatch(/: it did not answer within 0\.5 seconds\./);
    const pid = readFileSync(join(directory, 'pid'), 'utf8').trim();
    await expect.poll(() => isRunning(pid), { timeout: 20_000 }).toBe(false);
  });

  it('reads messages in English, and lets GLib add none', async () => {
    vi.stubEnv('LC_ALL', 'de_DE.UTF-8');
    vi.stubEnv('LANGUAGE', 'de');
    vi.stubEnv('G_MESSAGES_DEBUG', 'all');
    script(`env > "${directory}/env"; exit 7`);
    await rejectionOf(key());
    const lines = readFileSync(join(directory, 'env'), 'utf8').split('\n');
    expect(lines).toContain('LC_ALL=C.UTF-8');
    expect(lines.filter((line) => /^LANGUAGE|^G_MESSAGES_DEBUG/.test(line))).toEqual([]);
  });
});

describe.runIf(hasKeyring())('with GNOME Keyring', () => {
  const secretTool = findProgram('secret-tool', 'the keychain') ?? '';
  let keyring: Keyring;
  beforeAll(async () => {
    keyring = await startKeyring();
  });
  afterAll(() => keyring.stop());
  beforeEach(() => {
    for (const [name, value] of Object.entries(keyring.env)) vi.stubEnv(name, value);
  });

  it('gives the key to no child in its arguments or its environment', async () => {
    script(`tr '\\0' '\\n' < /proc/$$/cmdline >> "${directory}/children"
      tr '\\0' '\\n' < /proc/$$/environ >> "${directory}/children"
      exec "${secretTool}" "$@"`);
    const created = await key();
    expect(await key()).toEqual(created);
    const seen = readFileSync(join(directory, 'children'), 'utf8');
    expect(seen.match(/^(?:lookup|search|store)$/gm)).toEqual([
      'lookup',
      'search',
      'lookup',
      'search',
      'store',
      'search',
      'lookup',
      'lookup',
    ]);
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(seen).not.toContain(Buffer.from(created).toString(encoding));
  });

  it('takes the older key, and removes its own, where an older one shows up with the store', async () => {
    // As in a keyring that shows its items only after the user has unlocked it for the new one.
    const older = 'ab'.repeat(32);
    script(`case "$1" in
      store) printf ${older} | "${secretTool}" store --label=older service my-tool account late; "${secretTool}" "$@" ;;
      *) exec "${secretTool}" "$@" ;;
      esac`);
    const item = { service: 'my-tool', account: 'late' };
    const source = createKeychainSource(item, 60_000, async () => openSecretService(item, [directory]));
    expect(Buffer.from(await source.key()).toString('hex')).toBe(older);
  });
});

function isRunning(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
