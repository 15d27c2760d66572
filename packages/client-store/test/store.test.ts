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
import { inspect } from 'node:util';
import { mountSmallDisk, temporaryDirectory } from '@oa-internal/testing';
import { fileClientStore, type ClientStore } from '@oa/client-store';
import type { Client, OAuthEvent } from '@oa/types';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { registerTogether } from './scenarios.ts';

const issuer = 'https://as.example';
const disk = mountSmallDisk(256);
afterAll(() => disk.close());

let root: string;
let path: string;
let events: OAuthEvent[];
let store: ClientStore;
beforeEach(() => {
  root = temporaryDirectory();
  path = join(root, 'config', 'registered.json');
  events = [];
  store = fileClientStore({ path, onEvent: (event) => events.push(event) });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});
const write = (content: unknown): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
};
const content = (): unknown => JSON.parse(readFileSync(path, 'utf8'));
const registration = (client: Client): { register: () => Promise<Client>; count: () => number } => {
  let count = 0;
  return { register: async () => ((count += 1), client), count: () => count };
};

describe('the file', () => {
  test('that the OCaml program has written is read as it is', async () => {
    write({
      'https://a': { client_id: 'ia' },
      'https://b': { client_id: 'ib', client_secret: 'sb' },
      'https://c': { client_id: 'ic', client_secret: null },
    });
    expect(await store.lookup('https://a')).toEqual({ client_id: 'ia' });
    expect(await store.lookup('https://b')).toEqual({ client_id: 'ib', client_secret: 'sb' });
    expect(await store.lookup('https://c')).toEqual({ client_id: 'ic' });
    expect(await store.lookup('https://c/')).toBeUndefined();
    expect(events).toEqual([]);
  });

  test('that we write is still of that shape, 0600 in 0700, with the other members of RFC 7591 beside the two', async () => {
    const client: Client = {
      client_id: 'i',
      client_secret: 's',
      client_secret_expires_at: 0,
      registration_access_token: 'r',
      redirect_uris: ['http://127.0.0.1/cb'],
      token_endpoint_auth_method: 'client_secret_basic',
      'x-unknown': [1],
    };
    await store.store(issuer, client);
    expect(content()).toEqual({ [issuer]: client });
    expect(await store.lookup(issuer)).toEqual(client);
    const shown = { client_id: 'i', client_secret_expires_at: 0, redirect_uris: ['http://127.0.0.1/cb'] };
    expect(await store.list()).toEqual([{ issuer, ...shown, has_client_secret: true }]);
    expect([statSync(path).mode & 0o7777, statSync(dirname(path)).mode & 0o7777]).toEqual([0o600, 0o700]);
  });

  test('keeps whatever else is in it, and what is no client is nobody\u2019s client', async () => {
    const others = {
      $comment: 'by hand',
      'https://odd': { client_id: 5 },
      'https://empty': { client_id: '' },
      'https://secret': { client_id: 'i', client_secret: 5 },
      'https://list': [],
      'https://mine': { client_id: 'm', note: { deep: [null] } },
    };
    write(others);
    await store.store(issuer, { client_id: 'i' });
    await store.store(issuer, { client_id: 'j' });
    expect(content()).toEqual({ ...others, [issuer]: { client_id: 'j' } });
    for (const odd of [
      '$comment',
      'https://odd',
      'https://empty',
      'https://secret',
      'https://list',
      'toString',
      '__proto__',
    ])
      expect(await store.lookup(odd)).toBeUndefined();
    expect((await store.list()).map(({ issuer }) => issuer)).toEqual(['https://mine', issuer]);
    await store.remove(issuer);
    await store.remove('https://never');
    expect(content()).toEqual(others);
  });

  test('takes __proto__ for an issuer like any other', async () => {
    await store.store('__proto__', { client_id: 'p' });
    await store.store(issuer, { client_id: 'i' });
    expect(await store.lookup('__proto__')).toEqual({ client_id: 'p' });
    expect((await store.list()).map(({ issuer }) => issuer)).toEqual(['__proto__', issuer]);
    expect(({} as { client_id?: string }).client_id).toBeUndefined();
  });

  test.for(['', '{"https://a":{"client_id":"i"', '[]', 'null', '"x"'])(
    'that cannot be parsed (%s) is moved aside before anything is written',
    async (damaged) => {
      write(damaged);
      expect(await store.lookup(issuer)).toBeUndefined();
      expect(events).toEqual([
        { type: 'store_unavailable', code: 'corrupt_file', message: expect.stringContaining(path) as string },
      ]);
      await expect(store.list()).rejects.toMatchObject({ code: 'corrupt_file' });
      expect(readFileSync(path, 'utf8')).toBe(damaged);
      const { register } = registration({ client_id: 'new' });
      expect(await store.getOrRegister(issuer, register)).toEqual({ client_id: 'new' });
      expect(content()).toEqual({ [issuer]: { client_id: 'new' } });
      const aside = readdirSync(dirname(path)).find((name) => name.includes('.corrupt-')) ?? '';
      expect(readFileSync(join(dirname(path), aside), 'utf8')).toBe(damaged);
    },
  );

  test('that is not UTF-8 is moved aside too', async () => {
    write('');
    writeFileSync(path, new Uint8Array([0xff]));
    await store.store(issuer, { client_id: 'i' });
    expect(readdirSync(dirname(path)).some((name) => name.includes('.corrupt-'))).toBe(true);
  });
});

describe('D7: a store that others could have read or planted', () => {
  test.for<[string, () => unknown]>([
    ['0640', () => chmodSync(path, 0o640)],
    ['a directory 0777', () => chmodSync(dirname(path), 0o777)],
    ['a symbolic link', () => (rmSync(path), symlinkSync('/etc/hostname', path))],
  ])('%s: lookup finds nothing and an event says why; the others reject; nothing is changed', async ([, plant]) => {
    write({ [issuer]: { client_id: 'planted', client_secret: 's3cret' } });
    plant();
    expect(await store.lookup(issuer)).toBeUndefined();
    expect(events).toMatchObject([{ type: 'store_unavailable', code: 'insecure_file_permissions' }]);
    const { register, count } = registration({ client_id: 'new' });
    for (const attempt of [
      async () => store.getOrRegister(issuer, register),
      async () => store.store(issuer, { client_id: 'x' }),
      async () => store.remove(issuer),
      async () => store.list(),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'insecure_file_permissions' });
    expect(count()).toBe(0);
    expect(inspect(events)).not.toContain('s3cret');
  });
});

describe('D10: getOrRegister', () => {
  test('registers once, then remembers, in another program too', async () => {
    const { register, count } = registration({ client_id: 'i', client_secret: 's3cret' });
    expect(await store.getOrRegister(issuer, register)).toEqual({ client_id: 'i', client_secret: 's3cret' });
    expect(await fileClientStore({ path }).getOrRegister(issuer, register)).toEqual({
      client_id: 'i',
      client_secret: 's3cret',
    });
    expect(count()).toBe(1);
    expect(JSON.stringify(await store.list())).not.toContain('s3cret');
    expect(await store.list()).toEqual([{ issuer, client_id: 'i', has_client_secret: true }]);
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['registered.json', 'registered.json.lock']);
  });

  test('8 processes register once', async () => {
    const { answers, registrations } = await registerTogether(8);
    expect(answers).toEqual(Array.from({ length: 8 }, () => 'client c1'));
    expect(registrations).toBe(1);
  }, 60_000);

  test('rejects with what register rejects with, and the next call tries again', async () => {
    const failure = new RangeError('no');
    await expect(store.getOrRegister(issuer, async () => Promise.reject(failure))).rejects.toBe(failure);
    expect(readdirSync(dirname(path))).toEqual(['registered.json.lock']);
    const { register } = registration({ client_id: 'i' });
    expect(await store.getOrRegister(issuer, register)).toEqual({ client_id: 'i' });
  });

  test('what is no client is a TypeError, and not kept', async () => {
    const refusal = { error: 'invalid_redirect_uri' } as unknown as Client;
    await expect(store.getOrRegister(issuer, async () => refusal)).rejects.toThrow(TypeError);
    expect(existsSync(path)).toBe(false);
  });

  test('gives up waiting when asked to', async () => {
    const free = Promise.withResolvers<Client>();
    const first = store.getOrRegister(issuer, async () => free.promise);
    const { register, count } = registration({ client_id: 'never' });
    await vi.waitFor(() => expect(existsSync(`${path}.pending`)).toBe(true));
    await expect(store.getOrRegister(issuer, register, { timeout: 0 })).rejects.toMatchObject({ code: 'lock_timeout' });
    const reason = new Error('enough');
    await expect(store.getOrRegister(issuer, register, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    free.resolve({ client_id: 'i' });
    expect([await first, count()]).toEqual([{ client_id: 'i' }, 0]);
  });

  test.for<[string, number | undefined, boolean]>([
    ['absent', undefined, true],
    ['0 (never)', 0, true],
    ['in an hour', 1_003_600, true],
    ['in half a minute', 1_000_030, false],
    ['past', 999_999, false],
  ])('a secret whose expiry is %s', async ([, client_secret_expires_at, kept]) => {
    write({ [issuer]: { client_id: 'old', client_secret: 's', client_secret_expires_at } });
    const { register } = registration({ client_id: 'new' });
    const client = await store.getOrRegister(issuer, register, { now: () => 1_000_000_000 });
    expect(client.client_id).toBe(kept ? 'old' : 'new');
    expect(await store.lookup(issuer)).toEqual(client);
  });

  test.for<[string[] | undefined, string[], boolean]>([
    [undefined, ['http://127.0.0.1/cb'], true],
    [['http://127.0.0.1/cb'], [], true],
    [['http://127.0.0.1/cb'], ['http://127.0.0.1/cb'], true],
    [['http://127.0.0.1/cb'], ['http://127.0.0.1:51234/cb'], true],
    [['http://127.0.0.1:1/cb'], ['http://127.0.0.1:51234/cb'], true],
    [['http://[::1]/cb'], ['http://[::1]:51234/cb'], true],
    [['http://localhost/cb'], ['http://localhost:51234/cb'], true],
    [['http://127.0.0.1/cb'], ['http://[::1]:51234/cb'], false],
    [['http://127.0.0.1/cb'], ['http://127.0.0.1:51234/other'], false],
    [['http://127.0.0.1/cb'], ['http://127.0.0.1:51234/cb', 'http://[::1]/cb'], false],
    [['https://app.example/cb'], ['https://app.example/cb'], true],
    [['https://app.example/cb'], ['https://app.example:8443/cb'], false],
    [['http://127.0.0.1.evil.example/cb'], ['http://127.0.0.1:1/cb'], false],
    [[], ['http://127.0.0.1/cb'], false],
    [[5 as never], ['http://127.0.0.1/cb'], false],
  ])('registered redirect URIs %j, wanted %j: fits is %s', async ([redirect_uris, wanted, kept]) => {
    write({ [issuer]: { client_id: 'old', redirect_uris } });
    const { register } = registration({ client_id: 'new', redirect_uris: wanted });
    expect((await store.getOrRegister(issuer, register, { redirect_uris: wanted })).client_id).toBe(
      kept ? 'old' : 'new',
    );
  });

  test.skipIf(disk.refused !== undefined)('does not register when there is no room to remember it', async () => {
    const full = fileClientStore({
      path: join(disk.directory, 'registered.json'),
      onEvent: (event) => events.push(event),
    });
    const { register, count } = registration({ client_id: 'i' });
    disk.fill(0);
    await expect(full.getOrRegister(issuer, register)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(count()).toBe(0);
    disk.empty();
    const large = { client_id: 'i', note: 'x'.repeat(200_000) };
    const client = await full.getOrRegister(issuer, async () => {
      disk.fill(0);
      return large;
    });
    expect(client).toEqual(large);
    expect(events).toMatchObject([{ type: 'persist_failed', code: 'storage_unavailable' }]);
    disk.empty();
    expect(await full.getOrRegister(issuer, register)).toEqual({ client_id: 'i' });
  });
});

describe('where it is', () => {
  test('D7: below XDG_CONFIG_HOME, else ~/.config, by the name of the app', async () => {
    vi.stubEnv('XDG_CONFIG_HOME', 'relative');
    vi.stubEnv('HOME', root);
    await fileClientStore().store(issuer, { client_id: 'a' });
    await fileClientStore({ app: 'mine' }).store(issuer, { client_id: 'b' });
    expect(existsSync(join(root, '.config', 'oa', 'registered.json'))).toBe(true);
    expect(existsSync(join(root, '.config', 'mine', 'registered.json'))).toBe(true);
    expect(existsSync('relative')).toBe(false);
  });

  test('D7: without a home lookup finds nothing, an event says why, and nothing is written', async () => {
    for (const name of ['HOME', 'XDG_CONFIG_HOME']) vi.stubEnv(name, undefined);
    const here = readdirSync('.').toSorted();
    const homeless = fileClientStore({ onEvent: (event) => events.push(event) });
    expect(await homeless.lookup(issuer)).toBeUndefined();
    expect(events).toMatchObject([{ type: 'store_unavailable', code: 'storage_unavailable' }]);
    await expect(homeless.store(issuer, { client_id: 'i' })).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(readdirSync('.').toSorted()).toEqual(here);
  });

  test('D8: profiles are kept apart, on file systems that ignore case too', async () => {
    const profiles = [undefined, 'a', 'A', 'a/b', '../a', 'é', 'me@example.com', 'a.json'];
    for (const profile of profiles)
      await fileClientStore({ path, ...(profile !== undefined && { profile }) }).store(issuer, {
        client_id: profile ?? 'none',
      });
    for (const profile of profiles) {
      const client = await fileClientStore({ path, ...(profile !== undefined && { profile }) }).lookup(issuer);
      expect(client?.client_id).toBe(profile ?? 'none');
    }
    const files = readdirSync(dirname(path)).filter((name) => name.endsWith('.json'));
    expect(new Set(files.map((name) => name.toLowerCase())).size).toBe(profiles.length);
    expect(files).toContain('registered.%41.json');
  });

  test('a wrong option or argument is a TypeError', async () => {
    expect(() => fileClientStore({ path: 'relative' })).toThrow(/absolute/);
    expect(() => fileClientStore({ path: 5 as never })).toThrow(TypeError);
    expect(() => fileClientStore({ app: '..' })).toThrow(TypeError);
    expect(() => fileClientStore({ app: '' })).toThrow(TypeError);
    expect(() => fileClientStore({ profile: '' })).toThrow(TypeError);
    await expect(store.store('', { client_id: 'i' })).rejects.toThrow(TypeError);
    await expect(store.store(issuer, {} as never)).rejects.toThrow(TypeError);
    await expect(store.getOrRegister(5 as never, async () => ({ client_id: 'i' }))).rejects.toThrow(TypeError);
    expect(existsSync(path)).toBe(false);
  });
});
