// A manager whose stores encrypt, at a real authorization server: with the key, with another one, and without any.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileClientStore } from '@oa/client-store';
import type { ManagerOptions } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import { OAuthError, type KeySource, type OAuthEvent, type Token } from '@oa/types';
import { inspectAll } from '@oa-internal/testing';
import { beforeEach, expect, it } from 'vitest';
import { login, server, user } from '../real-server.ts';
import { startRegistrar } from '../registrar.ts';
import { aged, managerAt, temporaryDirectory, tokensDirectory, typesOf } from '../setup.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

function testKey(id = 'kms/1', value = 1): KeySource {
  return { id, key: async () => new Uint8Array(32).fill(value) };
}
const lostKey = testKey('kms/2', 2);
const lockedKey: KeySource = {
  id: 'kms/1',
  key: async () => {
    throw new OAuthError('storage_unavailable', 'The keychain is locked. Unlock it.', { retryable: true });
  },
};

function optionsWith(encryption: KeySource | undefined, more: ManagerOptions = {}): ManagerOptions {
  const path = join(directory, 'config', 'test', 'registered.json');
  return {
    cache: fileTokenCache({ directory: tokensDirectory(directory), encryption }),
    clients: fileClientStore({ path, encryption }),
    login,
    ...more,
  };
}

/** A login of a user, encrypted. The requests of it are forgotten. */
async function loginEncrypted(): Promise<Token> {
  const token = await managerAt(directory, optionsWith(testKey())).manager.getToken(server.issuer, user());
  server.requests.length = 0;
  return token;
}

/** Lets the stored token expire. */
async function expire(): Promise<void> {
  const cache = fileTokenCache({ directory: tokensDirectory(directory), encryption: testKey() });
  const [stored] = await cache.list();
  const token = await cache.get(stored?.key ?? '');
  if (token !== undefined) await cache.set(stored?.key ?? '', aged(token, -10));
}

/** All files of the program, with their content. */
function files(): Record<string, string> {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    found.map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'latin1')]),
  );
}

function tokenFile(): string {
  return Object.entries(files()).find(([name]) => /^v1\.[\da-f]{64}\.json$/.test(name))?.[1] ?? '';
}

function expectNoSecrets(...tokens: Token[]): void {
  for (const text of Object.values(files()))
    for (const { access_token, refresh_token = access_token, id_token } of tokens)
      for (const secret of [access_token, refresh_token, String(id_token)]) expect(text).not.toContain(secret);
}

it('hands out, refreshes and revokes an encrypted session, and no file has a token in it', async () => {
  const first = await loginEncrypted();
  expectNoSecrets(first);
  const { manager } = managerAt(directory, optionsWith(testKey(), { interaction: 'never' }));
  expect((await manager.getToken(server.issuer, user())).access_token).toBe(first.access_token);
  await expire();
  const next = managerAt(directory, optionsWith(testKey(), { interaction: 'never' })).manager;
  const second = await next.getToken(server.issuer, user());
  expect(second.access_token).not.toBe(first.access_token);
  expect(server.count('/token', 'refresh_token')).toBe(1);
  expectNoSecrets(first, second);
  expect(await next.sessions()).toMatchObject({
    ok: true,
    value: [{ issuer: server.issuer, has_refresh_token: true }],
  });
  expect(await next.logout(server.issuer, user())).toEqual({ ok: true, value: true });
  expect(server.count('/revoke')).toBeGreaterThan(0);
});

it('encrypts a plain session with the next refresh', async () => {
  const plain = await managerAt(directory, optionsWith(undefined)).manager.getToken(server.issuer, user());
  expect(tokenFile()).toContain(plain.access_token);
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  const [stored] = await cache.list();
  await cache.set(stored?.key ?? '', aged(plain, -10));
  const { manager } = managerAt(directory, optionsWith(testKey(), { interaction: 'never' }));
  expectNoSecrets(plain, await manager.getToken(server.issuer, user()));
});

it.for<[string, KeySource | undefined, RegExp]>([
  ['another key', lostKey, /and this program has the key "kms\/2".*log in again/],
  ['a changed key', testKey('kms/1', 3), /can't be decrypted with the key "kms\/1".*log in again/],
  ['no key', undefined, /and this program has no key.*option encryption/],
])(
  'with %s a program that can ask no user gets the reason, and the session stays as it is',
  async ([, key, message]) => {
    const token = await loginEncrypted();
    const before = tokenFile();
    const openBrowser = (): never => {
      throw new Error('a browser was opened');
    };
    const options = optionsWith(key, { interaction: 'never', login: { openBrowser } });
    const { manager, events } = managerAt(directory, options);
    const result = await manager.get(server.issuer, user());
    expect(result).toMatchObject({ ok: false, error: { code: 'decryption_failed' } });
    expect(result.ok ? '' : result.error.message).toMatch(message);
    expect(server.requests.filter(({ method }) => method === 'POST')).toEqual([]);
    expect(typesOf(events)).toContain('store_unavailable');
    expect(tokenFile()).toBe(before);
    expect(inspectAll([result, events])).not.toContain(token.access_token);
    // With the right key it is used as before.
    const { manager: right } = managerAt(directory, optionsWith(testKey(), { interaction: 'never' }));
    expect((await right.getToken(server.issuer, user())).access_token).toBe(token.access_token);
  },
);

it('with another key a user who can be asked logs in, and the old session is replaced only after that', async () => {
  const first = await loginEncrypted();
  const before = tokenFile();
  let seen = '';
  const openBrowser = (url: string): Promise<Response> => {
    seen = tokenFile();
    return server.logIn(url);
  };
  const interaction = 'always';
  const denying = { openBrowser: (url: string): Promise<Response> => server.logIn(url, { deny: true }) };
  const refused = managerAt(directory, optionsWith(lostKey, { interaction, login: denying })).manager;
  expect(await refused.get(server.issuer, user())).toMatchObject({ ok: false, error: { error: 'access_denied' } });
  expect(tokenFile()).toBe(before);
  const { manager } = managerAt(directory, optionsWith(lostKey, { interaction, login: { openBrowser } }));
  const second = await manager.getToken(server.issuer, user());
  expect(seen).toBe(before);
  expect(second.access_token).not.toBe(first.access_token);
  expect(tokenFile()).toContain('"key":"kms/2"');
  const { manager: next } = managerAt(directory, optionsWith(lostKey, { interaction: 'never' }));
  expect((await next.getToken(server.issuer, user())).access_token).toBe(second.access_token);
});

it('replaces a session whose key is lost with manager.login', async () => {
  await loginEncrypted();
  const { manager } = managerAt(directory, optionsWith(lostKey, { interaction: 'always' }));
  expect(await manager.login(server.issuer, user())).toMatchObject({ ok: true });
  expect(tokenFile()).toContain('"key":"kms/2"');
});

it('without the option asks no user for a login whose token could not be stored', async () => {
  await loginEncrypted();
  const before = tokenFile();
  const { manager } = managerAt(directory, optionsWith(undefined, { interaction: 'always' }));
  const result = await manager.login(server.issuer, user());
  expect(result).toMatchObject({
    ok: false,
    error: {
      code: 'decryption_failed',
      message: expect.stringMatching(/^The user was not asked to log in, .*option encryption/) as string,
    },
  });
  expect(server.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  expect(tokenFile()).toBe(before);
});

it('obtains another token where no user is needed: it replaces one whose key is lost, and never stays in plain text', async () => {
  const first = await managerAt(directory, optionsWith(testKey())).manager.getToken(server.issuer, server.confidential);
  const { manager: plain, events } = managerAt(directory, optionsWith(undefined));
  const unstored = await plain.getToken(server.issuer, server.confidential);
  expect(unstored.access_token).not.toBe(first.access_token);
  expect(events).toContainEqual(expect.objectContaining({ type: 'persist_failed', code: 'decryption_failed' }));
  expect(tokenFile()).toContain('"key":"kms/1"');
  const { manager } = managerAt(directory, optionsWith(lostKey));
  const second = await manager.getToken(server.issuer, server.confidential);
  expect(tokenFile()).toContain('"key":"kms/2"');
  expect((await manager.getToken(server.issuer, server.confidential)).access_token).toBe(second.access_token);
  expectNoSecrets(first, second, unstored);
});

it('with a locked keychain uses no session, asks no user, and stores nothing in plain text', async () => {
  await loginEncrypted();
  const before = tokenFile();
  const { manager } = managerAt(directory, optionsWith(lockedKey, { interaction: 'always' }));
  for (const result of [await manager.get(server.issuer, user()), await manager.login(server.issuer, user())])
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'storage_unavailable', retryable: true, message: expect.stringContaining('Unlock it.') as string },
    });
  expect(server.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  expect(tokenFile()).toBe(before);
  const { manager: service, events } = managerAt(directory, optionsWith(lockedKey));
  const token = await service.getToken(server.issuer, server.confidential);
  expect(typesOf(events)).toContain('persist_failed');
  expectNoSecrets(token);
});

it('deletes a session whose key is lost at a logout, and says that it is not revoked', async () => {
  await loginEncrypted();
  const { manager } = managerAt(directory, optionsWith(lostKey));
  expect(await manager.logout(server.issuer, user())).toMatchObject({
    ok: false,
    error: {
      code: 'decryption_failed',
      message:
        'The stored token is deleted, but it could not be read, so it is not revoked at the server. This program does not have its encryption key.',
    },
  });
  expect(tokenFile()).toBe('');
});

it('encrypts the secret of a registered client, and refreshes its session in the next run', async () => {
  const registrar = await startRegistrar();
  registrar.managed = false;
  registrar.secretLifetime = 3600;
  const browser = { openBrowser: registrar.openBrowser };
  const first = await managerAt(directory, optionsWith(testKey(), { login: browser })).manager.getToken(
    registrar.metadata,
    {},
  );
  const [client] = registrar.clients.values();
  const secret = String((client as { client_secret?: string } | undefined)?.client_secret);
  expect(secret.length).toBeGreaterThan(5);
  for (const text of Object.values(files())) expect(text).not.toContain(secret);
  await expire();
  const { manager } = managerAt(directory, optionsWith(testKey(), { interaction: 'never' }));
  expect((await manager.getToken(registrar.metadata, {})).access_token).not.toBe(first.access_token);
  expect(registrar.registrations()).toBe(1);
});

it('keeps a registered client whose key is lost, and says so where another one is registered for a login', async () => {
  const registrar = await startRegistrar();
  registrar.secretLifetime = 3600;
  const browser = { openBrowser: registrar.openBrowser };
  await managerAt(directory, optionsWith(testKey(), { login: browser })).manager.getToken(registrar.metadata, {});
  const before = files()['registered.json'];
  const quiet = managerAt(directory, optionsWith(lostKey, { interaction: 'never' })).manager;
  expect(await quiet.get(registrar.metadata, {})).toMatchObject({ ok: false, error: { code: 'decryption_failed' } });
  expect(registrar.registrations()).toBe(1);
  const { manager, events } = managerAt(directory, optionsWith(lostKey, { interaction: 'always', login: browser }));
  await manager.getToken(registrar.metadata, {});
  const told = events.filter(
    (event): event is OAuthEvent & { type: 'store_unavailable' } => event.type === 'store_unavailable',
  );
  expect(told.map(({ code }) => code)).toContain('decryption_failed');
  expect(told.map(({ message }) => message).join(' ')).toContain('forgetClient of @oa/manager');
  expect(files()['registered.json']).toBe(before);
  await manager.forgetClient(registrar.metadata);
  expect(files()['registered.json']).not.toContain('encrypted');
});
