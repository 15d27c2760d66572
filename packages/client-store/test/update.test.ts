import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileClientStore } from '@oa/client-store';
import { OAuthError, type Client } from '@oa/types';
import { expect, it } from 'vitest';
import { countingRegister, ISSUER, readContent, useStore, writeContent } from './setup.ts';

const fixture = useStore();

const OLD: Client = { client_id: 'old', client_secret: 's', registration_access_token: 'r', scope: 'a' };
/** What is remembered of a client that another one has replaced. */
const FORMER: Client = { client_id: 'old', client_secret: 's', registration_access_token: 'r' };

it('remembers a replaced client with its secret, so that its refresh tokens stay usable (RFC 6749 section 6)', async () => {
  const { path, store } = fixture;
  await store.store(ISSUER, { ...OLD, redirect_uris: ['http://127.0.0.1/a'] });
  const needed = { redirect_uris: ['http://127.0.0.1/b'] };
  const { register } = countingRegister({ client_id: 'new', redirect_uris: ['http://127.0.0.1/b'] });
  const client = await store.getOrRegister(ISSUER, register, needed);
  const other = fileClientStore({ path });
  expect(await other.find(ISSUER)).toEqual({ client, doubtful: false, former: [FORMER] });
  expect(await other.lookup(ISSUER)).toEqual(client);
});

it('remembers the latest five replaced clients, and as many as fit into an entry', async () => {
  const { store } = fixture;
  const registerAll = async (secret: string): Promise<void> => {
    for (let index = 0; index < 8; index += 1) {
      await store.getOrRegister(ISSUER, async () => ({ client_id: `c${index}`, client_secret: secret }));
      await store.doubt(ISSUER, `c${index}`);
    }
  };
  await registerAll('s');
  expect((await store.find(ISSUER)).former.map(({ client_id }) => client_id)).toEqual(['c6', 'c5', 'c4', 'c3', 'c2']);
  await store.remove(ISSUER);
  await registerAll('s'.repeat(5000));
  const { client, former } = await store.find(ISSUER);
  expect([client?.client_id, ...former.map(({ client_id }) => client_id)]).toEqual(['c7', 'c6', 'c5']);
});

it('registers anew, once over all stores, after a client was doubted', async () => {
  const { path, store } = fixture;
  await store.store(ISSUER, OLD);
  await store.doubt(ISSUER, 'another');
  expect((await store.find(ISSUER)).doubtful).toBe(false);
  await store.doubt(ISSUER, 'old');
  expect(await fileClientStore({ path }).find(ISSUER)).toEqual({ client: OLD, doubtful: true, former: [] });
  expect(await store.lookup(ISSUER)).toEqual(OLD);
  const { register, count } = countingRegister({ client_id: 'new' });
  const stores = Array.from({ length: 5 }, () => fileClientStore({ path }));
  await Promise.all(stores.map(async (each) => each.getOrRegister(ISSUER, register)));
  expect(count()).toBe(1);
  expect(await store.find(ISSUER)).toEqual({ client: { client_id: 'new' }, doubtful: false, former: [FORMER] });
});

it('returns the doubted client where no new one can be registered, and tries again the next time', async () => {
  const { store } = fixture;
  await store.store(ISSUER, OLD);
  await store.doubt(ISSUER, 'old');
  const refusal = new OAuthError('client_required', 'No client can be registered any more.');
  for (let run = 0; run < 2; run += 1)
    expect(await store.getOrRegister(ISSUER, async () => Promise.reject(refusal))).toEqual(OLD);
  expect(await store.getOrRegister(ISSUER, async () => ({ client_id: 'new' }))).toEqual({ client_id: 'new' });
  await store.doubt(ISSUER, 'new');
  const bug = new RangeError('a bug');
  await expect(store.getOrRegister(ISSUER, async () => Promise.reject(bug))).rejects.toBe(bug);
  const needed = { redirect_uris: ['http://127.0.0.1/other'] };
  await store.store(ISSUER, { client_id: 'c', redirect_uris: ['http://127.0.0.1/callback'] });
  await store.doubt(ISSUER, 'c');
  await expect(store.getOrRegister(ISSUER, async () => Promise.reject(refusal), needed)).rejects.toBe(refusal);
});

it('keeps the mark of a doubted client that an update returns unchanged', async () => {
  const { store } = fixture;
  await store.store(ISSUER, OLD);
  await store.doubt(ISSUER, 'old');
  expect(await store.update(ISSUER, 'old', async (client) => client)).toEqual(OLD);
  expect((await store.find(ISSUER)).doubtful).toBe(true);
});

it('doubts a client that could not be stored too', async () => {
  const { store } = fixture;
  const large = { client_id: 'large', client_secret: 'S'.repeat(20_000) };
  await store.getOrRegister(ISSUER, async () => large);
  expect(await store.find(ISSUER)).toEqual({ client: large, doubtful: false, former: [] });
  await store.doubt(ISSUER, 'large');
  expect(await store.getOrRegister(ISSUER, async () => ({ client_id: 'new' }))).toEqual({ client_id: 'new' });
});

it('updates a client in place, takes its mark away, and keeps the members of other programs', async () => {
  const { path, store } = fixture;
  writeContent(fixture, `{"${ISSUER}": {"client_id":"old", "note": [1e400, 12345678901234567890], "scope":"a"}}`);
  await store.doubt(ISSUER, 'old');
  const renewed = { client_id: 'old', client_secret: 'renewed', client_secret_expires_at: 9_999_999_999 };
  expect(await store.update(ISSUER, 'old', async (client) => ({ ...renewed, scope: `${client.scope} b` }))).toEqual({
    ...renewed,
    scope: 'a b',
  });
  expect(readFileSync(path, 'utf8')).toContain('"note":[1e400,12345678901234567890]');
  expect(await store.find(ISSUER)).toMatchObject({ client: { ...renewed, scope: 'a b' }, doubtful: false });
});

it('updates a former client, and leaves the present one', async () => {
  const { store } = fixture;
  await store.store(ISSUER, OLD);
  await store.doubt(ISSUER, 'old');
  await store.getOrRegister(ISSUER, async () => ({ client_id: 'new' }));
  await store.update(ISSUER, 'old', async (client) => ({ ...client, client_secret: 'renewed' }));
  expect(await store.update(ISSUER, 'old', async () => undefined)).toBeUndefined();
  expect(await store.find(ISSUER)).toEqual({
    client: { client_id: 'new' },
    doubtful: false,
    former: [{ ...FORMER, client_secret: 'renewed' }],
  });
});

it('makes a client a former one where the update returns none', async () => {
  const { store } = fixture;
  await store.store(ISSUER, OLD);
  expect(await store.update(ISSUER, 'old', async () => undefined)).toBeUndefined();
  expect(await store.find(ISSUER)).toEqual({ client: undefined, doubtful: false, former: [FORMER] });
  expect(await store.lookup(ISSUER)).toBeUndefined();
  expect(await store.list()).toEqual([]);
});

it('updates no client that is not remembered, and writes nothing where nothing changes', async () => {
  const { path, store } = fixture;
  let calls = 0;
  const count = async (client: Client): Promise<Client> => ((calls += 1), client);
  expect(await store.update(ISSUER, 'old', count)).toBeUndefined();
  await store.store(ISSUER, OLD);
  expect(await store.update(ISSUER, 'another', count)).toBeUndefined();
  expect(calls).toBe(0);
  await store.update(ISSUER, 'old', count);
  const before = readFileSync(path, 'utf8');
  expect(await store.update(ISSUER, 'old', count)).toEqual(OLD);
  expect([calls, readFileSync(path, 'utf8'), existsSync(`${path}.pending`)]).toEqual([2, before, false]);
});

it('runs one update at a time over all stores, each with the client of the update before', async () => {
  const { path, store } = fixture;
  await store.store(ISSUER, { client_id: 'c', scope: '' });
  await Promise.all(
    Array.from({ length: 10 }, async () =>
      fileClientStore({ path }).update(ISSUER, 'c', async (client) => ({ ...client, scope: `${client.scope}+` })),
    ),
  );
  expect((await store.lookup(ISSUER))?.scope).toBe('+'.repeat(10));
});

it('returns an updated client that can not be written, and says so', async () => {
  const { path, store, events } = fixture;
  await store.store(ISSUER, OLD);
  const client = await store.update(ISSUER, 'old', async (stored) => {
    rmSync(path);
    mkdirSync(path);
    return { ...stored, client_secret: 'renewed' };
  });
  expect(client).toEqual({ ...OLD, client_secret: 'renewed' });
  expect(events).toMatchObject([{ type: 'persist_failed' }]);
  expect(await store.lookup(ISSUER)).toEqual(client);
});

it('changes nothing where the update rejects', async () => {
  const { store } = fixture;
  await store.store(ISSUER, OLD);
  const failure = new RangeError('no');
  await expect(store.update(ISSUER, 'old', async () => Promise.reject(failure))).rejects.toBe(failure);
  expect(readContent(fixture)).toEqual({ [ISSUER]: OLD });
});

it('removes one client, and keeps the others of the issuer', async () => {
  const { store } = fixture;
  await store.store(ISSUER, OLD);
  await store.update(ISSUER, 'old', async () => undefined);
  await store.getOrRegister(ISSUER, async () => ({ client_id: 'new' }));
  await store.remove(ISSUER, 'unknown');
  expect(await store.find(ISSUER)).toMatchObject({ client: { client_id: 'new' }, former: [FORMER] });
  await store.remove(ISSUER, 'new');
  expect(await store.find(ISSUER)).toEqual({ client: undefined, doubtful: false, former: [FORMER] });
  await store.remove(ISSUER, 'old');
  expect(readContent(fixture)).toEqual({});
});

it('lets no registration write the members of the store', async () => {
  const { store } = fixture;
  const planted = { client_id: 'c', doubtful: true, former_clients: [{ client_id: 'x', client_secret: 's' }] };
  await store.getOrRegister(ISSUER, async () => planted);
  await store.update(ISSUER, 'c', async () => planted);
  expect(readContent(fixture)).toEqual({ [ISSUER]: { client_id: 'c' } });
});

it('updates and removes one of several former clients, and keeps the others and the present one', async () => {
  const { store } = fixture;
  for (const client_id of ['a', 'b', 'c']) {
    await store.getOrRegister(ISSUER, async () => ({ client_id, client_secret: 's' }));
    await store.doubt(ISSUER, client_id);
  }
  const [a, b, client] = ['a', 'b', 'c'].map((client_id) => ({ client_id, client_secret: 's' }));
  await store.update(ISSUER, 'a', async (former) => ({ ...former, client_secret: 'renewed' }));
  const renewed = { ...a, client_secret: 'renewed' };
  expect(await store.find(ISSUER)).toEqual({ client, doubtful: true, former: [b, renewed] });
  await store.remove(ISSUER, 'b');
  expect(await store.find(ISSUER)).toEqual({ client, doubtful: true, former: [renewed] });
});

it('leaves out a former client that is damaged', async () => {
  const former_clients = [{ client_id: 5 }, null, FORMER];
  writeContent(fixture, { [ISSUER]: { client_id: 'c', former_clients } });
  expect(await fixture.store.find(ISSUER)).toEqual({ client: { client_id: 'c' }, doubtful: false, former: [FORMER] });
});
