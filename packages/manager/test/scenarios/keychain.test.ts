// The option `storage: 'keychain'` with a real keyring and a real authorization server.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { hasKeyring, inspectAll, startKeyring, startProcess, type Keyring } from '@oa-internal/testing';
import { fileClientStore } from '@oa/client-store';
import { keychainKey } from '@oa/keychain';
import type { Credentials, ManagerOptions } from '@oa/manager';
import type { Result, Token } from '@oa/types';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loggedIn, login, server, user } from '../real-server.ts';
import { managerAt, temporaryDirectory, tokensDirectory, typesOf } from '../setup.ts';

describe.runIf(hasKeyring())('with GNOME Keyring', () => {
  let keyring: Keyring;
  let directory: string;

  beforeAll(async () => {
    keyring = await startKeyring();
  });
  afterAll(() => keyring.stop());
  beforeEach(() => {
    directory = temporaryDirectory();
    for (const [name, value] of Object.entries(keyring.env)) vi.stubEnv(name, value);
  });
  afterEach(() => {
    process.kill(keyring.pid(), 'SIGCONT');
    vi.unstubAllEnvs();
  });

  /** A manager as a new process would create it: it has asked for no key yet. */
  function run(options: ManagerOptions = {}): ReturnType<typeof managerAt> {
    return managerAt(directory, { storage: 'keychain', interaction: 'never', ...options });
  }

  /** A manager whose user logs in, with the number of browsers that were started. */
  function runWithUser(): ReturnType<typeof managerAt> & { browsers: () => number } {
    const openBrowser = vi.fn<(url: string) => Promise<Response>>(login.openBrowser);
    const { manager, events } = run({ interaction: 'always', login: { ...login, openBrowser } });
    return { manager, events, browsers: () => openBrowser.mock.calls.length };
  }

  async function logIn(): Promise<Token> {
    const token = await runWithUser().manager.getToken(server.issuer, user());
    server.requests.length = 0;
    return token;
  }

  function deleteKey(): void {
    execFileSync('secret-tool', ['clear', 'service', 'test', 'account', 'tokens'], { env: keyring.env });
  }

  function withoutBus(): void {
    vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', 'unix:path=/no/such/bus');
  }

  /** Everything that was written. */
  function writtenTexts(): string {
    const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name));
    return names.map((name) => (statSync(name).isFile() ? readFileSync(name, 'latin1') : '')).join('\n');
  }

  function tokenFiles(): string[] {
    return readdirSync(tokensDirectory(directory)).filter((name) => name.endsWith('.json'));
  }

  function errorOf(result: Result<unknown>): { code: string; message: string } {
    if (result.ok) throw new Error('The call did not fail.');
    return result.error;
  }

  it('keeps the tokens of a login encrypted, and a second process uses and refreshes them without a login', async () => {
    const token = await logIn();
    const written = writtenTexts();
    expect(tokenFiles()).toHaveLength(1);
    for (const secret of [token.access_token, token.refresh_token, token.id_token])
      expect(written).not.toContain(String(secret));
    const program = new URL('../programs/keychain.ts', import.meta.url);
    const task = { issuer: server.issuer, credentials: user() };
    const reused = await startProcess(program, { task }).ended;
    expect(JSON.parse(reused.stdout)).toMatchObject({
      result: { ok: true, value: { access_token: token.access_token } },
      events: ['cache_hit'],
    });
    expect(server.requests).toHaveLength(0);
    const renewed = await startProcess(program, { task: { ...task, rejected: token.access_token } }).ended;
    const { result } = JSON.parse(renewed.stdout) as { result: { ok: true; value: Token } };
    expect(server.count('/token', 'refresh_token')).toBe(1);
    for (const secret of [result.value.access_token, result.value.refresh_token])
      expect(writtenTexts()).not.toContain(String(secret));
    expect(await run().manager.getToken(server.issuer, user())).toMatchObject({
      access_token: result.value.access_token,
    });
  });

  it('says how each session is kept, also while the keyring is locked', async () => {
    await logIn();
    await keyring.lock();
    const { manager } = run();
    const listed = await manager.sessions();
    await keyring.unlock();
    expect(listed).toMatchObject({
      ok: true,
      value: [
        { issuer: server.issuer, kept: 'encrypted', encryption_key: 'keychain:test/tokens', has_refresh_token: true },
      ],
    });
    await run({ storage: 'file' }).manager.getToken(server.issuer, { ...server.confidential, audience: 'x' });
    const kept = await run().manager.sessions();
    expect(kept.ok && kept.value.map((session) => session.kept).toSorted()).toEqual(['encrypted', 'file']);
  });

  it('reports a locked keyring with the cure, sends nothing, opens no browser, and goes on when it is unlocked', async () => {
    const token = await logIn();
    await keyring.lock();
    const { manager, browsers, events } = runWithUser();
    const error = errorOf(await manager.get(server.issuer, user()));
    const second = errorOf(await manager.login(server.issuer, user()));
    const unattended = errorOf(await run().manager.get(server.issuer, user()));
    await keyring.unlock();
    for (const each of [error, second, unattended]) {
      expect(each).toMatchObject({ code: 'storage_unavailable', retryable: true });
      expect(each.message).toMatch(/the keyring is locked, .* Unlock it, and try again\./);
      expect(inspectAll(each)).not.toContain(token.refresh_token);
    }
    expect(browsers()).toBe(0);
    expect(server.count('/token')).toBe(0);
    expect(inspect(events, { depth: 9 })).not.toContain(token.refresh_token);
    expect(await manager.getToken(server.issuer, user())).toMatchObject({ access_token: token.access_token });
    expect(browsers()).toBe(0);
  });

  it('refuses a first login without a session bus before a browser opens, and writes nothing in plaintext', async () => {
    withoutBus();
    const { manager, browsers } = runWithUser();
    for (const result of [await manager.get(server.issuer, user()), await manager.login(server.issuer, user())]) {
      const error = errorOf(result);
      expect(error).toMatchObject({ code: 'storage_unavailable', retryable: false });
      expect(error.message).toMatch(/^The user was not asked to log in, because the token could not be stored\./);
      expect(error.message).toMatch(/there is no D-Bus session bus\. .* use passphraseKey or systemdCredential/);
    }
    expect(browsers()).toBe(0);
    expect(server.count('/token')).toBe(0);
  });

  it('reports that there is no session bus where a session is stored, with and without a user', async () => {
    await logIn();
    withoutBus();
    const { manager, browsers } = runWithUser();
    const errors = [await manager.get(server.issuer, user()), await run().manager.get(server.issuer, user())].map(
      errorOf,
    );
    for (const error of errors) expect(error.message).toMatch(/there is no D-Bus session bus/);
    expect(errors.map(({ code }) => code)).toEqual(['storage_unavailable', 'storage_unavailable']);
    expect(browsers()).toBe(0);
    expect(tokenFiles()).toHaveLength(1);
  });

  it('does not refresh a plain session whose successor it could not encrypt, and encrypts it when it can', async () => {
    const token = await loggedIn(directory);
    withoutBus();
    const refused = errorOf(await run().manager.get(server.issuer, user(), { rejected: token.access_token }));
    expect(refused.code).toBe('storage_unavailable');
    expect(server.count('/token')).toBe(0);
    expect(writtenTexts()).toContain(token.refresh_token);
    vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', keyring.env['DBUS_SESSION_BUS_ADDRESS']);
    const renewed = await run().manager.getToken(server.issuer, user(), { rejected: token.access_token });
    expect(server.count('/token', 'refresh_token')).toBe(1);
    for (const secret of [token.refresh_token, renewed.refresh_token, renewed.access_token])
      expect(writtenTexts()).not.toContain(String(secret));
  });

  it('goes on in memory without a user and without a keychain, says so, and writes nothing', async () => {
    withoutBus();
    const credentials: Credentials = { ...server.confidential };
    const { manager, events } = run();
    const token = await manager.getToken(server.issuer, credentials);
    expect(await manager.getToken(server.issuer, credentials)).toEqual(token);
    expect(typesOf(events)).toContain('persist_failed');
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'persist_failed',
        message: expect.stringMatching(/no D-Bus session bus/) as string,
      }),
    );
    expect(writtenTexts()).not.toContain(token.access_token);
    expect(await manager.sessions()).toMatchObject({ ok: true, value: [{ kept: 'memory' }] });
  });

  it('says that the tokens are lost where the key was deleted, keeps the file, and works after a login', async () => {
    const token = await logIn();
    const [name = ''] = tokenFiles();
    const before = readFileSync(join(tokensDirectory(directory), name));
    deleteKey();
    for (let runs = 0; runs < 2; runs += 1) {
      const error = errorOf(await run().manager.get(server.issuer, user()));
      expect(error.code).toBe('decryption_failed');
      expect(error.message).toMatch(
        /can't be decrypted with the key "keychain:test\/tokens": .* the key has changed .* log in again/,
      );
      expect(inspectAll(error)).not.toContain(token.refresh_token);
    }
    expect(readFileSync(join(tokensDirectory(directory), name))).toEqual(before);
    const { manager, browsers } = runWithUser();
    const renewed = await manager.login(server.issuer, user());
    expect(browsers()).toBe(1);
    expect(await run().manager.get(server.issuer, user())).toMatchObject({
      value: { access_token: renewed.ok && renewed.value.access_token },
    });
  });

  it('says that a user was logged in whose key is lost, before the login', async () => {
    await logIn();
    deleteKey();
    const { manager, events, browsers } = runWithUser();
    await manager.getToken(server.issuer, user());
    expect(browsers()).toBe(1);
    expect(events).toContainEqual(expect.objectContaining({ type: 'store_unavailable', code: 'decryption_failed' }));
  });

  it('ends a session that it can not decrypt, and says that it is not revoked', async () => {
    await logIn();
    await keyring.lock();
    const error = errorOf(await run().manager.logout(server.issuer, user()));
    await keyring.unlock();
    expect(error.message).toMatch(/^The stored token is deleted, but it could not be read, so it is not revoked/);
    expect(tokenFiles()).toEqual([]);
  });

  it('keeps a registered client encrypted with the same key, and registers none where it could not be kept', async () => {
    const { registration_access_token } = await registered();
    expect(registration_access_token).toEqual(expect.any(String));
    expect(writtenTexts()).not.toContain(registration_access_token);
    expect(await run().manager.get(server.issuer, { scope: 'openid' })).toMatchObject({ ok: true });
    directory = temporaryDirectory();
    server.requests.length = 0;
    withoutBus();
    const { manager, browsers } = runWithUser();
    expect(errorOf(await manager.get(server.issuer, { scope: 'openid' })).code).toBe('storage_unavailable');
    expect(browsers()).toBe(0);
    expect(server.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  /** The client that a login has registered. */
  async function registered(): Promise<Record<string, unknown>> {
    const { manager } = runWithUser();
    const token = await manager.getToken(server.issuer, { scope: 'openid' });
    expect(writtenTexts()).not.toContain(token.access_token);
    const clients = fileClientStore({ app: 'test', encryption: keychainKey({ service: 'test', account: 'tokens' }) });
    const found = await clients.lookup(server.issuer);
    return { ...found };
  }

  it('rejects with the reason of an abort while the keyring hangs, and works afterwards', async () => {
    const token = await logIn();
    process.kill(keyring.pid(), 'SIGSTOP');
    const reason = new Error('stop');
    const { manager } = run();
    const result = manager.get(server.issuer, user(), { signal: AbortSignal.timeout(200) });
    await expect(result).rejects.toMatchObject({ name: 'TimeoutError' });
    await expect(manager.get(server.issuer, user(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    process.kill(keyring.pid(), 'SIGCONT');
    expect(await manager.getToken(server.issuer, user())).toMatchObject({ access_token: token.access_token });
  });

  it('asks the keychain once in a process', async () => {
    await logIn();
    const { manager } = run();
    await manager.getToken(server.issuer, user());
    await keyring.lock();
    await changeStoredTime();
    expect(await manager.get(server.issuer, user())).toMatchObject({ ok: true });
    await keyring.unlock();
  });

  /** Touches the file, so that it is read and decrypted again. */
  async function changeStoredTime(): Promise<void> {
    const [name = ''] = tokenFiles();
    const { utimes } = await import('node:fs/promises');
    await utimes(join(tokensDirectory(directory), name), 1, 1);
  }
});
