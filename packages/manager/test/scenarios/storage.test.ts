import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { cacheFile, fileTokenCache, tokenKey } from '@oa/token-cache';
import { OAuthError, type Store, type Token } from '@oa/types';
import { afterEach, beforeEach, expect, onTestFinished, it } from 'vitest';
import {
  aged,
  agreeingBrowser,
  managerAt,
  storedTokens,
  temporaryDirectory,
  tokensDirectory,
  typesOf,
} from '../setup.ts';

let server: ScriptedServer;
let directory: string;
const credentials = { client_id: 'c', client_secret: 's' };
const user = { client_id: 'p' };
const target = (): { issuer: string; token_endpoint: string } => ({
  issuer: server.origin,
  token_endpoint: `${server.origin}/token`,
});

beforeEach(async () => {
  directory = temporaryDirectory();
  server = await startScriptedServer((_, index) => ({
    json: { access_token: `token-${index}`, token_type: 'Bearer', expires_in: 3600, refresh_token: `refresh-${index}` },
  }));
});
afterEach(() => server.close());

const file = (): string => {
  const name = readdirSync(tokensDirectory(directory)).find((one) => one.endsWith('.json'));
  return join(tokensDirectory(directory), name ?? '');
};

it.each([0o640, 0o604, 0o666])(
  'does not use a token file of mode %o: one event that says how to fix it, and a fresh token that replaces it (RFC 6749 section 10.4)',
  async (mode) => {
    await managerAt(directory).manager.getToken(target(), credentials);
    chmodSync(file(), mode);
    const { manager, events } = managerAt(directory);
    expect((await manager.getToken(target(), credentials)).access_token).toBe('token-1');
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'store_unavailable',
        code: 'insecure_token_cache_permissions',
        message: expect.stringContaining('chmod 600'),
      }),
    );
    expect(typesOf(events).filter((type) => type === 'store_unavailable')).toHaveLength(1);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(storedTokens(directory)[0]?.access_token).toBe('token-1');
    expect((await manager.getToken(target(), credentials)).access_token).toBe('token-1');
    expect(server.requests).toHaveLength(2);
  },
);

it('neither follows nor writes through a symbolic link in the place of the token file', async () => {
  await managerAt(directory).manager.getToken(target(), credentials);
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  const planted = file();
  rmSync(planted);
  symlinkSync(victim, planted);
  const { manager, events } = managerAt(directory);
  expect((await manager.getToken(target(), credentials)).access_token).toBe('token-1');
  expect(typesOf(events)).toContain('store_unavailable');
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

it('hands out the token with HOME unset and a relative XDG_CACHE_HOME: one event, nothing in the working directory', async () => {
  const { manager, events } = managerAt(directory);
  const home = process.env['HOME'];
  const cwd = process.cwd();
  onTestFinished(() => {
    process.env['HOME'] = home;
    process.chdir(cwd);
  });
  process.chdir(directory);
  process.env['HOME'] = '';
  process.env['XDG_CACHE_HOME'] = 'cache';
  server.script({
    '/.well-known/oauth-authorization-server': { json: target() },
    '/token': { json: { access_token: 'in memory', token_type: 'Bearer', expires_in: 3600 } },
  });
  const both = await Promise.all([
    manager.getToken(server.origin, credentials),
    manager.getToken(server.origin, credentials),
  ]);
  expect((await manager.getToken(server.origin, credentials)).access_token).toBe('in memory');
  expect(both.map(({ access_token }) => access_token)).toEqual(['in memory', 'in memory']);
  expect(typesOf(events).filter((type) => type === 'store_unavailable')).toHaveLength(1);
  expect(readdirSync(directory)).toEqual([]);
  expect(server.requestsTo('/token')).toHaveLength(1);
});

/** A store whose methods fail from some moment on, as on a full disk. */
function failing(): { store: Store<Token>; broken: Set<string>; map: Map<string, Token> } {
  const map = new Map<string, Token>();
  const broken = new Set<string>();
  const check = (what: string): void => {
    if (broken.has(what)) throw new OAuthError('storage_unavailable', `no room for ${what}`);
  };
  const store: Store<Token> = {
    get: (key) => (check('get'), map.get(key)),
    set: (key, token) => (check('set'), map.set(key, token)),
    delete: (key) => (check('delete'), map.delete(key)),
    reserve: async () => (check('reserve'), { interrupted: false }),
    lock: async (_, work) => (check('lock'), work()),
  };
  return { store, broken, map };
}
const key = (): string => tokenKey({ issuer: server.origin, grant_type: 'authorization_code', ...user });
const expired = { access_token: 'old', token_type: 'Bearer', expires_in: 3600, expires_at: 1, refresh_token: 'only' };

it('does not send a refresh token when there is no room to store its successor', async () => {
  const { store, broken, map } = failing();
  map.set(key(), expired);
  broken.add('reserve');
  const { manager } = managerAt(directory, { cache: store });
  expect(await manager.get(target(), user)).toMatchObject({ ok: false, error: { code: 'storage_unavailable' } });
  expect(server.requests).toEqual([]);
  expect(map.get(key())).toEqual(expired);
});

it('hands out a token that could not be written, keeps it in memory, and writes it at the next use', async () => {
  const { store, broken, map } = failing();
  map.set(key(), expired);
  broken.add('set');
  const { manager, events } = managerAt(directory, { cache: store });
  expect((await manager.getToken(target(), user)).refresh_token).toBe('refresh-0');
  expect(typesOf(events)).toEqual(['persist_failed', 'refreshed']);
  expect((await manager.getToken(target(), user)).refresh_token).toBe('refresh-0');
  expect(typesOf(events).filter((type) => type === 'persist_failed')).toHaveLength(1);
  broken.clear();
  await manager.getToken(target(), user);
  expect(map.get(key())?.refresh_token).toBe('refresh-0');
  expect(server.requests).toHaveLength(1);
});

it('does not send a refresh token when the lock file can not be used; the error says what to do', async () => {
  const { manager } = managerAt(directory);
  const options = { directory: tokensDirectory(directory) };
  await fileTokenCache(options).set(key(), expired);
  const lock = `${cacheFile({ issuer: server.origin, grant_type: 'authorization_code', ...user }, options)}.lock`;
  for (const plant of [
    () => writeFileSync(lock, 'no lock at all'.repeat(99), { mode: 0o600 }),
    () => symlinkSync('/nowhere', lock),
  ]) {
    rmSync(lock, { force: true });
    plant();
    expect(await manager.get(target(), user)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('Remove') },
    });
  }
  expect(server.requests).toEqual([]);
  rmSync(lock);
  expect(await manager.get(target(), user)).toMatchObject({ ok: true, value: { refresh_token: 'refresh-0' } });
});

it('makes one request for many calls with a store whose lock can not be used', async () => {
  const { store, broken } = failing();
  for (const what of ['get', 'set', 'lock']) broken.add(what);
  const { manager, events } = managerAt(directory, { cache: store });
  const all = await Promise.all(Array.from({ length: 20 }, () => manager.getToken(target(), credentials)));
  expect(new Set(all.map(({ access_token }) => access_token)).size).toBe(1);
  expect(server.requests).toHaveLength(1);
  expect(typesOf(events).filter((type) => type === 'store_unavailable')).toHaveLength(1);
});

it('passes a bug of a store on', async () => {
  const bug = new RangeError('a bug');
  const store: Store<Token> = {
    get: () => {
      throw bug;
    },
    set: () => undefined,
    delete: () => undefined,
  };
  await expect(managerAt(directory, { cache: store }).manager.get(target(), credentials)).rejects.toBe(bug);
});

it('uses a registration that can not be stored in memory, and tells the user of the login why', async () => {
  const config = join(directory, 'config', 'test');
  mkdirSync(config, { recursive: true, mode: 0o777 });
  chmodSync(config, 0o777);
  server.script(({ path, form }) => {
    if (path === '/register') return { status: 201, json: { client_id: 'registered' } };
    return { json: { access_token: form.get('client_id') ?? '', token_type: 'Bearer', expires_in: 3600 } };
  });
  const metadata = {
    ...target(),
    authorization_endpoint: `${server.origin}/authorize`,
    registration_endpoint: `${server.origin}/register`,
  };
  const { openBrowser } = agreeingBrowser();
  const printed: string[] = [];
  const { manager, events } = managerAt(directory, { login: { openBrowser, print: (text) => printed.push(text) } });
  expect((await manager.getToken(metadata, {})).access_token).toBe('registered');
  expect(printed.join('')).toMatch(/The stored logins can't be used, so you may have to log in at every run\. .*chmod/);
  expect((await manager.getToken(metadata, { scope: 'more' })).access_token).toBe('registered');
  expect(server.requestsTo('/register')).toHaveLength(1);
  expect(typesOf(events)).toContain('store_unavailable');
  expect(existsSync(join(config, 'registered.json'))).toBe(false);
});

it('reports a listener that throws as a bug of the program, and loses no token', async () => {
  const uncaught: unknown[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  });
  const bug = new Error('a bug in a listener');
  const { manager } = managerAt(directory, {
    onEvent: () => {
      throw bug;
    },
  });
  expect((await manager.getToken(target(), credentials)).access_token).toBe('token-0');
  await expect.poll(() => uncaught).toContain(bug);
});

it('puts the file below $XDG_CACHE_HOME/<app>/tokens/', async () => {
  const { manager } = managerAt(directory);
  await manager.getToken(target(), credentials);
  expect(file()).toBe(
    cacheFile({ issuer: server.origin, grant_type: 'client_credentials', client_id: 'c' }, { app: 'test' }),
  );
  expect(dirname(file())).toBe(join(directory, 'cache', 'test', 'tokens'));
});

it('opens no browser, registers no client and keeps the token where the store can not be read at the moment', async () => {
  const { store, map } = failing();
  const busy = new OAuthError('storage_unavailable', 'EMFILE: too many open files', { retryable: true });
  map.set(key(), aged(expired, 3000));
  let isBusy = true;
  const cache: Store<Token> = {
    ...store,
    get: (name) => {
      if (isBusy) throw busy;
      return map.get(name);
    },
  };
  const { openBrowser, urls } = agreeingBrowser();
  const { manager } = managerAt(directory, { cache, login: { openBrowser } });
  for (const asked of [user, {}])
    expect(await manager.get(target(), asked)).toMatchObject({
      ok: false,
      error: { code: 'storage_unavailable', retryable: true },
    });
  isBusy = false;
  expect((await manager.getToken(target(), user)).access_token).toBe('old');
  expect(urls).toEqual([]);
  expect(server.requests).toEqual([]);
});

it('tells a job with a token file of mode 0640 the chmod, not to log in', async () => {
  const options = { directory: tokensDirectory(directory) };
  await fileTokenCache(options).set(key(), expired);
  chmodSync(file(), 0o640);
  const result = await managerAt(directory, { interaction: 'never' }).manager.get(target(), user);
  expect(result).toMatchObject({ ok: false, error: { code: 'insecure_token_cache_permissions' } });
  expect(result.ok || result.error.message).toContain(`chmod 600 ${file()}`);
});

it('asks the user once where the token file has mode 0640: the new token replaces it', async () => {
  const options = { directory: tokensDirectory(directory) };
  await fileTokenCache(options).set(key(), expired);
  chmodSync(file(), 0o640);
  const { openBrowser, urls } = agreeingBrowser();
  const metadata = { ...target(), authorization_endpoint: `${server.origin}/authorize` };
  for (let processes = 0; processes < 3; processes += 1)
    await managerAt(directory, { login: { openBrowser } }).manager.getToken(metadata, user);
  expect(urls).toHaveLength(1);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

it('does not ask the user to log in where the token can not be stored; the error says why', async () => {
  const { store, broken } = failing();
  broken.add('reserve');
  const { openBrowser, urls } = agreeingBrowser();
  const metadata = { ...target(), authorization_endpoint: `${server.origin}/authorize` };
  const { manager } = managerAt(directory, { cache: store, login: { openBrowser } });
  const result = await manager.get(metadata, user);
  expect(result).toMatchObject({ ok: false, error: { code: 'storage_unavailable' } });
  expect(result.ok || result.error.message).toContain('The user was not asked to log in');
  expect(urls).toEqual([]);
});

it('does not ask the user to log in where a newer version of the program wrote the token file', async () => {
  const options = { directory: tokensDirectory(directory) };
  await fileTokenCache(options).set(key(), expired);
  const newer = readFileSync(file(), 'utf8').replace(/"format":\d+/, '"format":99');
  writeFileSync(file(), newer);
  const { openBrowser, urls } = agreeingBrowser();
  const metadata = { ...target(), authorization_endpoint: `${server.origin}/authorize` };
  const { manager } = managerAt(directory, { login: { openBrowser } });
  expect(await manager.get(metadata, user)).toMatchObject({ ok: false, error: { code: 'newer_file_format' } });
  expect(readFileSync(file(), 'utf8')).toBe(newer);
  expect(urls).toEqual([]);
});
