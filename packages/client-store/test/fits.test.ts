import type { Client } from '@oa/types';
import { expect, it } from 'vitest';
import { countingRegister, ISSUER, useStore, writeContent } from './setup.ts';

const fixture = useStore();

it.for<[string, number | undefined, boolean]>([
  ['absent', undefined, true],
  ['0 (never)', 0, true],
  ['in an hour', 1_003_600, true],
  ['in half a minute', 1_000_030, false],
  ['past', 999_999, false],
])('a client whose secret has the expiry "%s" (RFC 7591 section 3.2.1)', async ([, client_secret_expires_at, kept]) => {
  const { store } = fixture;
  writeContent(fixture, { [ISSUER]: { client_id: 'old', client_secret: 's', client_secret_expires_at } });
  const { register } = countingRegister({ client_id: 'new' });
  const client = await store.getOrRegister(ISSUER, register, { now: () => 1_000_000_000 });
  expect(client.client_id).toBe(kept ? 'old' : 'new');
  expect(await store.lookup(ISSUER)).toEqual(client);
});

it.for<[string[] | undefined, string[], boolean]>([
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
  [['http://127a0b0c1/cb'], ['http://127a0b0c1:1/cb'], false],
  [[], ['http://127.0.0.1/cb'], false],
  [[5 as never], ['http://127.0.0.1/cb'], false],
])(
  'a client with the redirect URIs %j, when %j are needed (RFC 8252 section 7.3): %s',
  async ([redirect_uris, needed, kept]) => {
    writeContent(fixture, { [ISSUER]: { client_id: 'old', redirect_uris } });
    const { register } = countingRegister({ client_id: 'new', redirect_uris: needed });
    const { client_id } = await fixture.store.getOrRegister(ISSUER, register, { redirect_uris: needed });
    expect(client_id).toBe(kept ? 'old' : 'new');
  },
);

it.for([1, 1_000_030])(
  'registers once where the registration response has an expiry of %d seconds, which is past or almost past',
  async (client_secret_expires_at) => {
    const { store } = fixture;
    const { register, count } = countingRegister({ client_id: 'c', client_secret: 's', client_secret_expires_at });
    for (let run = 0; run < 3; run += 1) {
      const client = await store.getOrRegister(ISSUER, register, { now: () => 1_000_000_000 });
      expect(client).toEqual({ client_id: 'c', client_secret: 's' });
    }
    expect(count()).toBe(1);
  },
);

it('replaces a stored client that the caller can not use, and remembers it as a former one', async () => {
  const { store } = fixture;
  writeContent(fixture, { [ISSUER]: { client_id: 'old', client_secret: 's', scope: 'read' } });
  const { register, count } = countingRegister({ client_id: 'new', scope: 'write' });
  const canWrite = { isUsable: ({ scope }: Client) => scope === 'write' };
  expect(await store.getOrRegister(ISSUER, register, { isUsable: ({ scope }) => scope === 'read' })).toMatchObject({
    client_id: 'old',
  });
  for (let run = 0; run < 2; run += 1)
    expect(await store.getOrRegister(ISSUER, register, canWrite)).toMatchObject({ client_id: 'new' });
  expect(count()).toBe(1);
  expect((await store.find(ISSUER)).former).toMatchObject([{ client_id: 'old', client_secret: 's' }]);
});
