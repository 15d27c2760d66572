import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Client } from '@oa/types';
import { expect, it } from 'vitest';
import { countingRegister, ISSUER, readContent, useStore, writeContent } from './setup.ts';

const fixture = useStore();

it('reads a file that the OCaml program has written', async () => {
  const { store } = fixture;
  writeContent(fixture, {
    'https://a': { client_id: 'ia' },
    'https://b': { client_id: 'ib', client_secret: 'sb' },
    'https://c': { client_id: 'ic', client_secret: null },
  });
  expect(await store.lookup('https://a')).toEqual({ client_id: 'ia' });
  expect(await store.lookup('https://b')).toEqual({ client_id: 'ib', client_secret: 'sb' });
  expect(await store.lookup('https://c')).toEqual({ client_id: 'ic' });
  expect(await store.lookup('https://c/')).toBeUndefined();
  expect(fixture.events).toEqual([]);
});

it('writes the same format, mode 0600 in 0700, with the members of the registration (RFC 7591)', async () => {
  const { path, store } = fixture;
  const client: Client = {
    client_id: 'i',
    client_secret: 's',
    client_secret_expires_at: 0,
    registration_access_token: 'r',
    redirect_uris: ['http://127.0.0.1/cb'],
    token_endpoint_auth_method: 'client_secret_basic',
    require_pushed_authorization_requests: true,
  };
  await store.store(ISSUER, client);
  expect(readContent(fixture)).toEqual({ [ISSUER]: client });
  expect(await store.lookup(ISSUER)).toEqual(client);
  const shown = { client_id: 'i', client_secret_expires_at: 0, redirect_uris: ['http://127.0.0.1/cb'] };
  expect(await store.list()).toEqual([{ issuer: ISSUER, ...shown, has_client_secret: true }]);
  expect([statSync(path).mode & 0o7777, statSync(dirname(path)).mode & 0o7777]).toEqual([0o600, 0o700]);
});

it('keeps entries of other programs, and returns no client for an entry that is not a client', async () => {
  const { store } = fixture;
  const others = {
    $comment: 'by hand',
    'https://odd': { client_id: 5 },
    'https://empty': { client_id: '' },
    'https://secret': { client_id: 'i', client_secret: 5 },
    'https://list': [],
    'https://mine': { client_id: 'm', note: { deep: [null] } },
  };
  writeContent(fixture, others);
  await store.store(ISSUER, { client_id: 'i' });
  await store.store(ISSUER, { client_id: 'j' });
  expect(readContent(fixture)).toEqual({ ...others, [ISSUER]: { client_id: 'j' } });
  const noClients = ['$comment', 'https://odd', 'https://empty', 'https://secret', 'https://list'];
  for (const odd of [...noClients, 'toString', '__proto__']) expect(await store.lookup(odd)).toBeUndefined();
  expect((await store.list()).map(({ issuer }) => issuer)).toEqual(['https://mine', ISSUER]);
  await store.remove(ISSUER);
  await store.remove('https://never');
  expect(readContent(fixture)).toEqual(others);
});

it('treats __proto__ as an issuer like any other', async () => {
  const { store } = fixture;
  await store.store('__proto__', { client_id: 'p' });
  await store.store(ISSUER, { client_id: 'i' });
  expect(await store.lookup('__proto__')).toEqual({ client_id: 'p' });
  expect((await store.list()).map(({ issuer }) => issuer)).toEqual(['__proto__', ISSUER]);
  expect(({} as { client_id?: string }).client_id).toBeUndefined();
});

it.for(['', '{"https://a":{"client_id":"i"', '[]', 'null', '"x"'])(
  'moves a file that can not be parsed (%s) aside before it writes',
  async (damaged) => {
    const { path, store, events } = fixture;
    writeContent(fixture, damaged);
    expect(await store.lookup(ISSUER)).toBeUndefined();
    expect(events).toEqual([
      { type: 'store_unavailable', code: 'corrupt_file', message: expect.stringContaining(path) as string },
    ]);
    await expect(store.list()).rejects.toMatchObject({ code: 'corrupt_file' });
    expect(readFileSync(path, 'utf8')).toBe(damaged);
    const { register } = countingRegister({ client_id: 'new' });
    expect(await store.getOrRegister(ISSUER, register)).toEqual({ client_id: 'new' });
    expect(readContent(fixture)).toEqual({ [ISSUER]: { client_id: 'new' } });
    const renamed = readdirSync(dirname(path)).find((name) => name.includes('.corrupt-')) ?? '';
    expect(readFileSync(join(dirname(path), renamed), 'utf8')).toBe(damaged);
  },
);

it('moves a file that is not UTF-8 aside too', async () => {
  const { path, store } = fixture;
  writeContent(fixture, '');
  writeFileSync(path, new Uint8Array([0xff]));
  await store.store(ISSUER, { client_id: 'i' });
  expect(readdirSync(dirname(path)).some((name) => name.includes('.corrupt-'))).toBe(true);
});
