import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fileClientStore } from '@oa/client-store';
import type { Client } from '@oa/types';
import { expect, it } from 'vitest';
import { countingRegister, useStore, writeContent } from '../setup.ts';

const fixture = useStore();

const CLIENTS: Record<string, Client> = {
  'https://one.example': { client_id: 'a', client_secret: 'secret-a', redirect_uris: ['http://127.0.0.1/callback'] },
  'https://second.example': { client_id: 'b', client_name: 'B' },
  'https://another.example': { client_id: 'c', client_secret: 'secret-c' },
};

/** A file with three clients, as the store writes it. */
async function storeClients(): Promise<Buffer> {
  for (const [issuer, client] of Object.entries(CLIENTS)) await fixture.store.store(issuer, client);
  return readFileSync(fixture.path);
}

/** The issuers whose lines `damaged` holds whole. */
function intactIssuers(original: Buffer, damaged: Buffer): string[] {
  const lines = damaged.toString('latin1').split('\n');
  return Object.keys(CLIENTS).filter((issuer) => {
    const line = original
      .toString('latin1')
      .split('\n')
      .find((each) => each.startsWith(`  "${issuer}"`));
    return line !== undefined && lines.some((each) => each.replace(/,$/, '') === line.replace(/,$/, ''));
  });
}

/** The issuers of intact entries in `damaged` whose client the store does not use. */
async function findMissed(original: Buffer, damaged: Buffer): Promise<string[]> {
  const { path } = fixture;
  writeFileSync(path, damaged);
  const store = fileClientStore({ path });
  const missed: string[] = [];
  for (const issuer of intactIssuers(original, damaged)) {
    const client = await store.getOrRegister(issuer, async () => ({ client_id: 'new' }));
    if (!isDeepStrictEqual([client, await store.lookup(issuer)], [CLIENTS[issuer], CLIENTS[issuer]]))
      missed.push(issuer);
  }
  return missed;
}

it('uses every intact entry of a file that was cut at any byte', async () => {
  const original = await storeClients();
  for (let end = 0; end < original.length; end += 1)
    expect(await findMissed(original, original.subarray(0, end))).toEqual([]);
  expect(intactIssuers(original, original.subarray(0, original.length - 10))).toHaveLength(2);
});

it('uses every intact entry of a file in which one bit was flipped in any byte', async () => {
  const original = await storeClients();
  for (let at = 0; at < original.length; at += 1)
    for (const bit of [1, 8, 64, 128, 255]) {
      const damaged = Buffer.from(original);
      damaged[at] = (damaged[at] ?? 0) ^ bit;
      expect(await findMissed(original, damaged)).toEqual([]);
    }
});

it('rejects where the entry of the issuer is in the damaged part, and says so in an event', async () => {
  const { path, store, events } = fixture;
  const original = await storeClients();
  writeFileSync(path, original.subarray(0, original.length - 10));
  await expect(store.find('https://another.example')).rejects.toMatchObject({ code: 'corrupt_file' });
  expect(await store.lookup('https://another.example')).toBeUndefined();
  expect(events).toMatchObject([{ type: 'store_unavailable', code: 'corrupt_file' }]);
});

it('keeps the intact entries, and the damaged file beside them, when a client is written', async () => {
  const { path, store } = fixture;
  const original = await storeClients();
  const damaged = original.subarray(0, original.length - 10);
  writeFileSync(path, damaged);
  await expect(
    store.getOrRegister('https://another.example', async () => Promise.reject(new Error('down'))),
  ).rejects.toThrow('down');
  expect(readFileSync(path)).toEqual(damaged);
  const { register, count } = countingRegister({ client_id: 'new' });
  await store.getOrRegister('https://another.example', register);
  await store.getOrRegister('https://one.example', register);
  expect(count()).toBe(1);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
    ...CLIENTS,
    'https://another.example': { client_id: 'new' },
  });
  const aside = readdirSync(dirname(path)).find((name) => name.includes('.corrupt-')) ?? '';
  expect(readFileSync(join(dirname(path), aside))).toEqual(damaged);
});

it('adopts what a killed process has written whole, and ignores anything else that it left', async () => {
  const { path, store } = fixture;
  await storeClients();
  writeFileSync(`${path}.pending`, 'random bytes', { mode: 0o600 });
  await store.doubt('https://one.example', 'a');
  expect((await store.find('https://second.example')).client).toEqual(CLIENTS['https://second.example']);
  const renewed = { client_id: 'a', client_secret: 'renewed' };
  writeFileSync(`${path}.pending`, JSON.stringify({ ...CLIENTS, 'https://one.example': renewed }), { mode: 0o600 });
  await store.remove('https://second.example');
  const { 'https://second.example': _removed, ...rest } = CLIENTS;
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ ...rest, 'https://one.example': renewed });
});

it('takes no text inside an entry for the entry of another issuer, wherever the file is damaged', async () => {
  const { path, store } = fixture;
  const planted = '\n  "https://victim.example": {"client_id":"evil"},\n';
  await store.getOrRegister('https://evil.example', async () => ({
    client_id: 'c',
    client_name: planted,
    jwks: { 'https://victim.example': { client_id: 'evil' } },
  }));
  const original = readFileSync(path);
  for (let at = 0; at < original.length; at += 1) {
    for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
      const damaged = Buffer.from(original);
      damaged[at] = (damaged[at] ?? 0) ^ bit;
      writeFileSync(path, damaged);
      expect(await store.lookup('https://victim.example')).toBeUndefined();
    }
    writeFileSync(path, original.subarray(at));
    expect(await store.lookup('https://victim.example')).toBeUndefined();
  }
});

it('returns what other programs have written as it was, with numbers that JavaScript can not hold', async () => {
  const { path, store } = fixture;
  writeContent(
    fixture,
    `{
      "$comment": "by hand",
      "https://other": { "client_id": "o", "n": 1e400, "big": 12345678901234567890, "one": 1.0 },
      "version": 98765432109876543210
    }`,
  );
  for (const [issuer, client] of Object.entries(CLIENTS)) await store.store(issuer, client);
  await store.remove('https://second.example');
  const text = readFileSync(path, 'utf8');
  expect(text).toContain('  "$comment": "by hand",\n');
  expect(text).toContain('  "https://other": {"client_id":"o","n":1e400,"big":12345678901234567890,"one":1.0},\n');
  expect(text).toContain('  "version": 98765432109876543210,\n');
  expect(await store.lookup('https://other')).toEqual({ client_id: 'o' });
});
