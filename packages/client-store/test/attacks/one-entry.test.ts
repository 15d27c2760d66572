import { readFileSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import { fileClientStore } from '@oa/client-store';
import type { Client } from '@oa/types';
import { expect, it } from 'vitest';
import { countingRegister, ISSUER, readContent, useStore, writeContent } from '../setup.ts';

const fixture = useStore();

/** The limit of a private file. */
const FILE_BYTES = 1024 * 1024;
const HOSTILE = 'https://evil.example';
const HONEST: Client = { client_id: 'honest', redirect_uris: ['http://127.0.0.1/callback'] };

it('remembers other issuers after a registration answer of 1 MB', async () => {
  const { store, path, events } = fixture;
  const padding = 'x'.repeat(FILE_BYTES - 100);
  await store.getOrRegister(HOSTILE, async () => ({ client_id: 'evil', padding }));
  const { register, count } = countingRegister(HONEST);
  await store.getOrRegister(ISSUER, register);
  expect(await fileClientStore({ path }).getOrRegister(ISSUER, register)).toEqual(HONEST);
  expect(count()).toBe(1);
  expect(events).toEqual([]);
});

it('stores and returns the members of the specifications, and drops all others (RFC 7591, RFC 7592)', async () => {
  const { store, path } = fixture;
  const client: Client = {
    client_id: 'i',
    client_secret: 's',
    client_secret_expires_at: 0,
    client_id_issued_at: 1,
    registration_access_token: 'r',
    registration_client_uri: 'https://as.example/register/i',
    redirect_uris: ['http://127.0.0.1/callback'],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    application_type: 'native',
    scope: 'a b',
    client_name: 'Tool',
    contacts: ['a@example.com'],
    jwks: { keys: [] },
    software_version: '1',
  };
  const answered = { ...client, tenant: { id: 7 }, logo_uri: 5, tos_uri: null, 'client_name#de': 'Werkzeug' };
  expect(await store.getOrRegister(ISSUER, async () => answered as never)).toEqual(client);
  expect(readContent(fixture)).toEqual({ [ISSUER]: client });
  expect(await fileClientStore({ path }).lookup(ISSUER)).toEqual(client);
});

it('uses a client of more than 16 KiB without storing it, and says so', async () => {
  const { store, path, events } = fixture;
  const { register, count } = countingRegister({ client_id: 'evil', client_secret: 'S'.repeat(20_000) });
  const client = await store.getOrRegister(HOSTILE, register);
  expect(await store.getOrRegister(HOSTILE, register)).toBe(client);
  expect(await store.lookup(HOSTILE)).toBe(client);
  expect(count()).toBe(1);
  expect(events).toMatchObject([{ type: 'persist_failed', code: 'storage_unavailable' }]);
  expect(inspect(events)).not.toContain('SSSS');
  await expect(store.store(HOSTILE, client)).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(await fileClientStore({ path }).lookup(HOSTILE)).toBeUndefined();
  await store.remove(HOSTILE);
  expect(await store.lookup(HOSTILE)).toBeUndefined();
  await store.getOrRegister(HOSTILE, async () => HONEST);
  expect(await store.lookup(HOSTILE)).toEqual(HONEST);
});

it.each([
  ['of 1 MB', { client_id: 'evil', padding: 'x'.repeat(FILE_BYTES - 400) }],
  ['of 1 MB in a known member', { client_id: 'evil', client_name: '\u20AC'.repeat(FILE_BYTES / 3 - 400) }],
  ['that is not a client', { padding: 'x'.repeat(FILE_BYTES - 400) }],
])('serves and stores the other clients of a file with an entry %s', async (_name, entry) => {
  const { store, path } = fixture;
  const mine = { client_id: 'mine', note: 'of another program' };
  writeContent(fixture, { 'https://mine.example': mine, [HOSTILE]: entry });
  expect(await store.lookup('https://mine.example')).toMatchObject({ client_id: 'mine' });
  const { register, count } = countingRegister({ ...HONEST, client_name: 'Tool'.repeat(100) });
  await store.getOrRegister(ISSUER, register);
  await fileClientStore({ path }).getOrRegister(ISSUER, register);
  expect(count()).toBe(1);
  expect(readContent(fixture)).toMatchObject({ 'https://mine.example': mine });
  expect(statSync(path).size).toBeLessThan(FILE_BYTES);
});

it('serves and stores the other clients of a file with a deeply nested entry', async () => {
  const { store, path } = fixture;
  const nested = '['.repeat(200_000) + ']'.repeat(200_000);
  writeContent(
    fixture,
    `{"https://mine.example":{"client_id":"mine"},"${HOSTILE}":{"client_id":"evil","x":${nested}}}`,
  );
  expect(await store.lookup(HOSTILE)).toEqual({ client_id: 'evil' });
  await store.store(ISSUER, HONEST);
  const other = fileClientStore({ path });
  expect(await other.lookup(ISSUER)).toEqual(HONEST);
  expect(await other.lookup('https://mine.example')).toEqual({ client_id: 'mine' });
});

it('remembers a new client after a hundred servers have answered with as much as is stored', async () => {
  const { store, path, events } = fixture;
  await store.store(ISSUER, HONEST);
  for (let index = 0; index < 100; index += 1)
    await store.store(`https://evil-${index}.example`, { client_id: 'evil', client_secret: 's'.repeat(16_000) });
  await store.store('https://other.example', HONEST);
  const other = fileClientStore({ path });
  expect(await other.lookup(ISSUER)).toEqual(HONEST);
  expect(await other.lookup('https://other.example')).toEqual(HONEST);
  expect(await other.lookup('https://evil-99.example')).toMatchObject({ client_id: 'evil' });
  expect(events).toEqual([]);
  expect(readFileSync(path).length).toBeLessThanOrEqual(FILE_BYTES);
}, 60_000);

it.each<[string, unknown, Client | undefined]>([
  ['redirect_uris that are a string', { client_id: 'i', redirect_uris: 'x' }, { client_id: 'i' }],
  ['a method that is a number', { client_id: 'i', token_endpoint_auth_method: 5 }, { client_id: 'i' }],
  ['an expiry that is a text', { client_id: 'i', client_secret_expires_at: 'soon' }, { client_id: 'i' }],
  [
    'redirect_uris with other values',
    { client_id: 'i', redirect_uris: [5, 'a:b'] },
    { client_id: 'i', redirect_uris: ['a:b'] },
  ],
  ['a client_id that is a list', { client_id: ['i'] }, undefined],
])('reads an entry with %s as what can be used of it', async (_name, entry, expected) => {
  const { store } = fixture;
  writeContent(fixture, { [ISSUER]: entry });
  expect(await store.lookup(ISSUER)).toEqual(expected);
  await expect(store.list()).resolves.toHaveLength(expected === undefined ? 0 : 1);
});
