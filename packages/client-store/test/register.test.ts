import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mountSmallDisk } from '@oa-internal/testing';
import { fileClientStore } from '@oa/client-store';
import { withLock } from '@oa/private-file';
import type { Client } from '@oa/types';
import { afterAll, expect, it } from 'vitest';
import { countingRegister, ISSUER, useStore, writeContent } from './setup.ts';

const fixture = useStore();
const disk = mountSmallDisk(256);
afterAll(() => disk.close());

it('registers once, then returns the stored client, in another program too', async () => {
  const { path, store } = fixture;
  const { register, count } = countingRegister({ client_id: 'i', client_secret: 's3cret' });
  expect(await store.getOrRegister(ISSUER, register)).toEqual({ client_id: 'i', client_secret: 's3cret' });
  expect(await fileClientStore({ path }).getOrRegister(ISSUER, register)).toEqual({
    client_id: 'i',
    client_secret: 's3cret',
  });
  expect(count()).toBe(1);
  expect(JSON.stringify(await store.list())).not.toContain('s3cret');
  expect(await store.list()).toEqual([{ issuer: ISSUER, client_id: 'i', has_client_secret: true }]);
  expect(readdirSync(dirname(path)).toSorted()).toEqual(['registered.json', 'registered.json.lock']);
});

it('registers once for 20 calls at the same time, of two stores', async () => {
  const { path } = fixture;
  const { register, count } = countingRegister({ client_id: 'i' });
  const [one, two] = [fileClientStore({ path }), fileClientStore({ path })];
  const calls = Array.from({ length: 20 }, async (_, i) => (i % 2 === 0 ? one : two).getOrRegister(ISSUER, register));
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, () => ({ client_id: 'i' })));
  expect(count()).toBe(1);
});

it('rejects with what register rejects with, and the next call tries again', async () => {
  const { path, store } = fixture;
  const failure = new RangeError('no');
  await expect(store.getOrRegister(ISSUER, async () => Promise.reject(failure))).rejects.toBe(failure);
  expect(readdirSync(dirname(path))).toEqual(['registered.json.lock']);
  const { register } = countingRegister({ client_id: 'i' });
  expect(await store.getOrRegister(ISSUER, register)).toEqual({ client_id: 'i' });
});

it('throws a TypeError if register returns no client, and stores nothing', async () => {
  const refusal = { error: 'invalid_redirect_uri' } as unknown as Client;
  await expect(fixture.store.getOrRegister(ISSUER, async () => refusal)).rejects.toThrow(TypeError);
  expect(existsSync(fixture.path)).toBe(false);
});

it('ends the wait for another call at its timeout, and with the reason of the signal', async () => {
  const { path, store } = fixture;
  const free = Promise.withResolvers<Client>();
  const first = store.getOrRegister(ISSUER, async () => free.promise);
  const { register, count } = countingRegister({ client_id: 'never' });
  await expect.poll(() => existsSync(`${path}.pending`), { timeout: 20_000 }).toBe(true);
  await expect(store.getOrRegister(ISSUER, register, { timeout: 0 })).rejects.toMatchObject({ code: 'lock_timeout' });
  const reason = new Error('enough');
  await expect(store.getOrRegister(ISSUER, register, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  free.resolve({ client_id: 'i' });
  expect([await first, count()]).toEqual([{ client_id: 'i' }, 0]);
});

it('returns a client that another process has stored, without a wait for the lock', async () => {
  const { path, store } = fixture;
  const { register, count } = countingRegister({ client_id: 'never' });
  await withLock(path, async () => {
    const waiting = store.getOrRegister(ISSUER, register);
    writeContent(fixture, { [ISSUER]: { client_id: 'theirs' } });
    expect(await waiting).toEqual({ client_id: 'theirs' });
  });
  expect(count()).toBe(0);
});

it('accepts options that are undefined', async () => {
  const { register } = countingRegister({ client_id: 'i' });
  const options = { redirect_uris: undefined, signal: undefined, timeout: undefined, now: undefined };
  expect(await fixture.store.getOrRegister(ISSUER, register, options)).toEqual({ client_id: 'i' });
});

it.skipIf(disk.refused !== undefined)('does not register without room on the disk to store the client', async () => {
  const { events } = fixture;
  const full = fileClientStore({
    path: join(disk.directory, 'registered.json'),
    onEvent: (event) => events.push(event),
  });
  const { register, count } = countingRegister({ client_id: 'i' });
  disk.fill(0);
  await expect(full.getOrRegister(ISSUER, register)).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(count()).toBe(0);
  disk.empty();
  // The room that is reserved is enough for every client that is stored.
  const large = { client_id: 'i', client_name: 'x'.repeat(16_000) };
  const client = await full.getOrRegister(ISSUER, async () => {
    disk.fill(0);
    return large;
  });
  expect(client).toEqual(large);
  expect(await full.getOrRegister(ISSUER, register)).toEqual(large);
  expect(events).toEqual([]);
});
