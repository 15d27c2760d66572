import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { fileClientStore, type ClientStore } from '@oa/client-store';
import { rotate } from '@oa/encryption';
import { OAuthError, type Client, type KeySource, type OAuthEvent } from '@oa/types';
import { expect, it } from 'vitest';
import { countingRegister, ISSUER, readContent, useStore, writeContent } from './setup.ts';

const fixture = useStore();
const OTHER_ISSUER = 'https://other.example';
const SECRETS = /the-secret|the-registration-token|manage\.example|the-statement/;
const client: Client = {
  client_id: 'c',
  client_secret: 'the-secret',
  client_secret_expires_at: 0,
  registration_access_token: 'the-registration-token',
  registration_client_uri: 'https://manage.example/c',
  software_statement: 'the-statement',
  redirect_uris: ['http://127.0.0.1/callback'],
  scope: 'read',
};

function testKey(id = 'kms/1', value = 1): KeySource {
  return { id, key: async () => new Uint8Array(32).fill(value) };
}

function encrypted(encryption: KeySource | undefined = testKey(), events: OAuthEvent[] = []): Required<ClientStore> {
  return fileClientStore({ path: fixture.path, encryption, onEvent: (event) => events.push(event) });
}

/** The content of all files beside that of the store. */
function allText(): string {
  const folder = dirname(fixture.path);
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');
}

/** The line of an issuer in the file. */
function lineOf(issuer: string): string | undefined {
  const lines = readFileSync(fixture.path, 'utf8').split('\n');
  return lines.find((line) => line.startsWith(`  ${JSON.stringify(issuer)}: `))?.replace(/,$/, '');
}

it('keeps the secrets of a client, in a file without any', async () => {
  await encrypted().store(ISSUER, client);
  expect(await encrypted().lookup(ISSUER)).toEqual(client);
  expect(await encrypted().find(ISSUER)).toEqual({ client, doubtful: false, former: [] });
  expect(allText()).not.toMatch(SECRETS);
  // A reader of the first implementation finds an object, issuer to client.
  expect(readContent(fixture)).toEqual({
    [ISSUER]: {
      client_id: 'c',
      client_secret_expires_at: 0,
      redirect_uris: ['http://127.0.0.1/callback'],
      scope: 'read',
      encrypted: {
        key: 'kms/1',
        iv: expect.any(String) as string,
        ciphertext: expect.any(String) as string,
        members: ['client_secret', 'registration_access_token', 'registration_client_uri', 'software_statement'],
      },
    },
  });
});

it('stores a client without secrets as it is', async () => {
  await encrypted().store(ISSUER, { client_id: 'public' });
  expect(readContent(fixture)).toEqual({ [ISSUER]: { client_id: 'public' } });
  expect(await encrypted().lookup(ISSUER)).toEqual({ client_id: 'public' });
});

it('lists clients without the key', async () => {
  await encrypted().store(ISSUER, client);
  const expected = [
    {
      issuer: ISSUER,
      client_id: 'c',
      has_client_secret: true,
      client_secret_expires_at: 0,
      redirect_uris: client.redirect_uris,
    },
  ];
  for (const store of [fixture.store, encrypted(testKey('kms/2', 2))]) expect(await store.list()).toEqual(expected);
});

it('reads plain entries, and encrypts an entry when it is written the next time, its former clients too', async () => {
  const plain = {
    ...client,
    former_clients: [{ client_id: 'former', client_secret: 'the-secret-of-former' }],
    mine: 1e3,
  };
  writeContent(fixture, {
    [ISSUER]: plain,
    [OTHER_ISSUER]: { client_id: 'o', client_secret: 'the-secret-of-another' },
  });
  const store = encrypted();
  const former = { client_id: 'former', client_secret: 'the-secret-of-former' };
  expect(await store.find(ISSUER)).toEqual({ client, doubtful: false, former: [former] });
  await store.doubt(ISSUER, 'c');
  expect(lineOf(ISSUER)).not.toMatch(SECRETS);
  expect(lineOf(ISSUER)).toContain('"mine":1000');
  expect(lineOf(OTHER_ISSUER)).toMatch(SECRETS);
  expect(await store.find(ISSUER)).toEqual({ client, doubtful: true, former: [former] });
  const { register, count } = countingRegister({ client_id: 'new', client_secret: 'the-secret-of-new' });
  expect(await store.getOrRegister(ISSUER, register)).toMatchObject({ client_id: 'new' });
  expect(count()).toBe(1);
  expect(lineOf(ISSUER)).not.toMatch(SECRETS);
  expect((await store.find(ISSUER)).former).toEqual([
    expect.objectContaining({ client_id: 'c', client_secret: 'the-secret' }) as Client,
    former,
  ]);
});

it('registers once, reads back what is encrypted, and renews it', async () => {
  const { register, count } = countingRegister(client);
  expect(await encrypted().getOrRegister(ISSUER, register)).toEqual(client);
  expect(await encrypted().getOrRegister(ISSUER, register)).toEqual(client);
  expect(
    await encrypted().getOrRegister(ISSUER, register, { isUsable: (one) => one.client_secret === 'the-secret' }),
  ).toEqual(client);
  expect(count()).toBe(1);
  const renewed = { ...client, client_secret: 'the-secret-renewed' };
  expect(await encrypted().update(ISSUER, 'c', async (one) => (expect(one).toEqual(client), renewed))).toEqual(renewed);
  expect(await encrypted().lookup(ISSUER)).toEqual(renewed);
  expect(allText()).not.toMatch(SECRETS);
  // Nothing is written where nothing has changed.
  const before = readFileSync(fixture.path);
  await encrypted().update(ISSUER, 'c', async (one) => one);
  expect(readFileSync(fixture.path)).toEqual(before);
  await encrypted().update(ISSUER, 'c', async () => undefined);
  expect((await encrypted().find(ISSUER)).former).toEqual([
    expect.objectContaining({ client_secret: 'the-secret-renewed' }),
  ]);
});

const wrongKeys: [string, KeySource | undefined, RegExp][] = [
  [
    'no key',
    undefined,
    /was encrypted with the key "kms\/1", and this program has no key, so it is neither used nor overwritten/,
  ],
  ['another key', testKey('kms/2', 2), /was encrypted with the key "kms\/1", and this program has the key "kms\/2"/],
  ['a wrong key', testKey('kms/1', 2), /can't be decrypted with the key "kms\/1"/],
];

it.for(wrongKeys)(
  'with %s a client counts as absent, is not replaced, and can be removed',
  async ([, key, message]) => {
    await encrypted().store(ISSUER, client);
    await encrypted().store(OTHER_ISSUER, { ...client, client_id: 'other' });
    const before = readFileSync(fixture.path);
    const events: OAuthEvent[] = [];
    const store = fileClientStore({ path: fixture.path, encryption: key, onEvent: (event) => events.push(event) });
    expect(await store.lookup(ISSUER)).toBeUndefined();
    expect(events).toEqual([
      { type: 'store_unavailable', code: 'decryption_failed', message: expect.stringMatching(message) as string },
    ]);
    const { register, count } = countingRegister({ client_id: 'new' });
    for (const work of [
      store.find(ISSUER),
      store.getOrRegister(ISSUER, register),
      store.update(ISSUER, 'c', async () => ({ client_id: 'c' })),
    ]) {
      const error = await rejectionOf(work);
      expect(error.code).toBe('decryption_failed');
      expect(error.message).toMatch(message);
      expect(error.message).toMatch(/^The client of "https:\/\/as\.example" in .*forgetClient of @oa\/manager/);
      expect(inspectAll(error)).not.toMatch(SECRETS);
    }
    expect(count()).toBe(0);
    expect(readFileSync(fixture.path)).toEqual(before);
    const line = lineOf(OTHER_ISSUER);
    await store.doubt(ISSUER, 'c');
    await store.remove(ISSUER, 'c');
    expect(lineOf(ISSUER)).toBeUndefined();
    expect(lineOf(OTHER_ISSUER)).toBe(line);
    expect(await store.getOrRegister(ISSUER, register)).toEqual({ client_id: 'new' });
  },
);

it('does not write a plain client in the place of an encrypted one without the key', async () => {
  await encrypted().store(ISSUER, client);
  const before = readFileSync(fixture.path);
  expect(await rejectionOf(fixture.store.store(ISSUER, client))).toMatchObject({ code: 'decryption_failed' });
  expect(readFileSync(fixture.path)).toEqual(before);
  await encrypted().doubt(ISSUER, 'c');
  const { register, count } = countingRegister({ client_id: 'new', client_secret: 'the-secret' });
  expect(await rejectionOf(fixture.store.getOrRegister(ISSUER, register))).toMatchObject({ code: 'decryption_failed' });
  expect(count()).toBe(0);
  // With the option, also one of another key, the new client is stored.
  await encrypted(testKey('kms/2', 2)).store(ISSUER, client);
  expect(await encrypted(testKey('kms/2', 2)).lookup(ISSUER)).toEqual(client);
});

it('replaces a client that has expired without its key, and leaves it out of the former ones', async () => {
  await encrypted().store(ISSUER, { ...client, client_secret_expires_at: 1 });
  const { register } = countingRegister({ client_id: 'new', client_secret: 'the-secret' });
  const other = encrypted(testKey('kms/2', 2));
  expect(await other.getOrRegister(ISSUER, register)).toMatchObject({ client_id: 'new' });
  expect(await other.find(ISSUER)).toMatchObject({ client: { client_id: 'new' }, former: [] });
  const both = encrypted(rotate(testKey('kms/1', 1), testKey('kms/2', 2)));
  expect((await both.find(ISSUER)).former).toEqual([expect.objectContaining({ client_secret: 'the-secret' })]);
});

it('returns a client in doubt where a new one can not be registered, and not one whose key is lost', async () => {
  await encrypted().store(ISSUER, client);
  await encrypted().doubt(ISSUER, 'c');
  const refusal = new OAuthError('http_error', 'The server is down.');
  const register = async (): Promise<Client> => {
    throw refusal;
  };
  expect(await encrypted().getOrRegister(ISSUER, register)).toEqual(client);
  expect(await rejectionOf(encrypted(testKey('kms/2', 2)).getOrRegister(ISSUER, register))).toBe(refusal);
});

it('never gives a client the secret of another one, and notices each change', async () => {
  await encrypted().store(ISSUER, client);
  await encrypted().store(OTHER_ISSUER, { ...client, client_id: 'other', client_secret: 'the-secret-of-another' });
  const content = readContent(fixture) as Record<string, Record<string, unknown>>;
  const own = content[ISSUER] ?? {};
  const sealed = own['encrypted'] as Record<string, unknown>;
  const iv = String(sealed['iv']);
  for (const entry of [
    content[OTHER_ISSUER],
    { ...own, encrypted: content[OTHER_ISSUER]?.['encrypted'] },
    { ...own, client_id: 'another' },
    { ...own, encrypted: { ...sealed, members: ['registration_access_token'] } },
    { ...own, encrypted: { ...sealed, members: 5 } },
    { ...own, encrypted: { ...sealed, iv: `${iv.startsWith('A') ? 'B' : 'A'}${iv.slice(1)}` } },
    { ...own, encrypted: { ...sealed, key: 'kms/2' } },
    { ...own, encrypted: {} },
    { ...own, encrypted: null },
    { ...own, client_secret: 'planted', encrypted: 'x' },
  ]) {
    writeContent(fixture, { [ISSUER]: entry });
    expect(await encrypted().lookup(ISSUER)).toBeUndefined();
    expect(await rejectionOf(encrypted().find(ISSUER))).toMatchObject({ code: 'decryption_failed' });
  }
  // A member beside the encrypted ones is not used in their place.
  writeContent(fixture, {
    [ISSUER]: { ...own, client_secret: 'planted', registration_client_uri: 'https://evil.example' },
  });
  expect(await encrypted().lookup(ISSUER)).toEqual(client);
});

it('does not take the answer of a server for an encrypted client', async () => {
  const answer = {
    client_id: 'c',
    client_secret: 'the-secret',
    encrypted: { key: 'kms/1', iv: '', ciphertext: '', members: [] },
  };
  const { register } = countingRegister(answer);
  expect(await encrypted().getOrRegister(ISSUER, register)).toEqual({ client_id: 'c', client_secret: 'the-secret' });
  expect(await encrypted().lookup(ISSUER)).toEqual({ client_id: 'c', client_secret: 'the-secret' });
});

it('asks for the key before it registers, and passes on why there is none', async () => {
  const locked = new OAuthError('storage_unavailable', 'The keychain is locked.', { retryable: true });
  let isLocked = false;
  const keychain = (): KeySource => ({
    id: 'keychain',
    key: async () => {
      if (isLocked) throw locked;
      return new Uint8Array(32);
    },
  });
  await encrypted(keychain()).store(OTHER_ISSUER, client);
  await encrypted(keychain()).store(OTHER_ISSUER, client);
  isLocked = true;
  const { register, count } = countingRegister(client);
  expect(await rejectionOf(encrypted(keychain()).getOrRegister(ISSUER, register))).toBe(locked);
  expect(count()).toBe(0);
  const events: OAuthEvent[] = [];
  expect(await encrypted(keychain(), events).lookup(OTHER_ISSUER)).toBeUndefined();
  expect(events).toMatchObject([{ type: 'store_unavailable', code: 'storage_unavailable' }]);
  expect(await rejectionOf(encrypted(keychain()).find(OTHER_ISSUER))).toBe(locked);
  expect(await rejectionOf(encrypted(keychain()).store(ISSUER, client))).toBe(locked);
  // A mark and a removal need no key, and leave a plain entry as it is.
  writeContent(fixture, { [ISSUER]: client });
  await encrypted(keychain()).doubt(ISSUER, 'c');
  expect(readContent(fixture)).toEqual({ [ISSUER]: { ...client, doubtful: true } });
  await encrypted(keychain()).remove(ISSUER);
  expect(readContent(fixture)).toEqual({});
});

it('does not leave out a former client whose key can not be had now', async () => {
  const locked = new OAuthError('storage_unavailable', 'The keychain is locked.', { retryable: true });
  await encrypted(testKey('kms/1', 1)).store(ISSUER, { ...client, client_secret_expires_at: 1 });
  await encrypted(testKey('kms/2', 2)).getOrRegister(ISSUER, async () => ({ client_id: 'new', client_secret: 's' }));
  const lockedFormer: KeySource = {
    id: 'kms/1',
    key: async () => {
      throw locked;
    },
  };
  expect(await rejectionOf(encrypted(rotate(lockedFormer, testKey('kms/2', 2))).find(ISSUER))).toBe(locked);
});

it('keeps a client that could not be written in memory, and its former ones readable', async () => {
  await encrypted().store(ISSUER, { ...client, client_secret_expires_at: 1 });
  const events: OAuthEvent[] = [];
  const store = encrypted(testKey(), events);
  const large = { client_id: 'large', client_secret: 'the-secret', client_name: 'x'.repeat(17_000) };
  expect(await store.getOrRegister(ISSUER, async () => large)).toMatchObject({ client_id: 'large' });
  expect(events.map(({ type }) => type)).toEqual(['persist_failed']);
  expect(await store.find(ISSUER)).toMatchObject({ client: { client_id: 'large' }, former: [] });
  expect(await store.lookup(ISSUER)).toMatchObject({ client_secret: 'the-secret' });
});

it('refuses an option that is no key source, at once', () => {
  expect(() => fileClientStore({ path: fixture.path, encryption: {} as never })).toThrow(/^options\.encryption must/);
});

it('leaves the entries of other issuers byte for byte', async () => {
  writeContent(fixture, `{ "${OTHER_ISSUER}": {"client_id":"o","n":1e400} }`);
  await encrypted().store(ISSUER, client);
  expect(lineOf(OTHER_ISSUER)).toBe(`  "${OTHER_ISSUER}": {"client_id":"o","n":1e400}`);
  writeFileSync(fixture.path, readFileSync(fixture.path));
  expect(await encrypted().lookup(ISSUER)).toEqual(client);
});
