import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { ContractCase } from './case.ts';
import type { ContractStore } from './options.ts';
import { EXTREME_TOKEN, FULL_TOKEN, keyOf, tokenNamed } from './tokens.ts';

const LARGE_CHARACTERS = 1_000_000;
const SEVERAL_KEYS = 100;
/** For at most this time a store may return a value from its memory without a look at the engine. */
const MAX_MEMORY_MS = 1000;
/** Timers are late, also those of the store. */
const MEMORY_MARGIN_MS = 250;

/** Keys that a store without care takes for each other. */
const SIMILAR_KEYS = [
  keyOf('client'),
  keyOf('Client'),
  keyOf('client '),
  keyOf('client', 'https://as.example/'),
  keyOf('client', 'https://AS.example'),
  keyOf('client', undefined, ['a b']),
  keyOf('client', undefined, ['a', 'b']),
  keyOf('client', undefined, ['ab']),
  keyOf('*'),
  keyOf('?'),
  keyOf('%'),
  keyOf('__proto__'),
  keyOf('\u00E9'),
  keyOf('e\u0301'),
  keyOf('\u0000'),
  keyOf('x'.repeat(3000)),
  keyOf(`${'x'.repeat(2999)}y`),
];

async function keysOf(store: ContractStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.keys?.() ?? []) keys.push(key);
  return keys.toSorted();
}

/** The cases about values. */
export const valueCases: Record<string, ContractCase> = {
  'returns a token exactly as it was stored, with unknown members and any text': async ({ open }) => {
    const store = await open();
    await store.set(keyOf(), FULL_TOKEN);
    for (const reader of [store, await open()]) deepStrictEqual(await reader.get(keyOf()), FULL_TOKEN);
  },

  'keeps the numbers that JSON can express: 1e400 and -0': async ({ open }) => {
    const store = await open();
    await store.set(keyOf(), EXTREME_TOKEN);
    for (const reader of [store, await open()]) deepStrictEqual(await reader.get(keyOf()), EXTREME_TOKEN);
  },

  'returns undefined for a missing value, and deletes it without an error': async ({ open }) => {
    const store = await open();
    strictEqual(await store.get(keyOf()), undefined);
    await store.delete(keyOf());
    strictEqual(await store.get(keyOf()), undefined);
  },

  'replaces and deletes a value': async ({ open }) => {
    const [store, other] = [await open(), await open()];
    await store.set(keyOf(), FULL_TOKEN);
    await store.set(keyOf(), tokenNamed('second'));
    for (const reader of [store, other]) deepStrictEqual(await reader.get(keyOf()), tokenNamed('second'));
    await store.delete(keyOf());
    strictEqual(await store.get(keyOf()), undefined);
    strictEqual(await (await open()).get(keyOf()), undefined);
  },

  'keeps the values of 100 keys apart': async ({ open }) => {
    const store = await open();
    const keys = Array.from({ length: SEVERAL_KEYS }, (_, index) => keyOf(`client-${index}`));
    await Promise.all(keys.map(async (key, index) => store.set(key, tokenNamed(`token-${index}`))));
    await Promise.all(keys.filter((_, index) => index % 2 === 1).map(async (key) => store.delete(key)));
    const reader = await open();
    for (const [index, key] of keys.entries())
      deepStrictEqual(await reader.get(key), index % 2 === 1 ? undefined : tokenNamed(`token-${index}`));
  },

  'keeps the values of similar keys apart': async ({ open }) => {
    const store = await open();
    for (const [index, key] of SIMILAR_KEYS.entries()) {
      strictEqual(await store.get(key), undefined, `${key.slice(0, 100)} has the value of another key.`);
      strictEqual(store.peek?.(key), undefined);
      await store.set(key, tokenNamed(`token-${index}`));
    }
    const reader = await open();
    for (const [index, key] of SIMILAR_KEYS.entries())
      deepStrictEqual(await reader.get(key), tokenNamed(`token-${index}`));
  },

  'keeps a value of 1 MB': async ({ open }) => {
    const store = await open();
    const token = tokenNamed('x'.repeat(LARGE_CHARACTERS));
    await store.set(keyOf(), token);
    // Not compared deeply: the report would have all of it.
    ok((await (await open()).get(keyOf()))?.access_token === token.access_token);
  },

  'lists the keys of all stored values, whole': async ({ open, skip }) => {
    const store = await open();
    if (store.keys === undefined) return skip('The store has no keys().');
    deepStrictEqual(await keysOf(store), []);
    for (const key of SIMILAR_KEYS) await store.set(key, FULL_TOKEN);
    deepStrictEqual(await keysOf(await open()), SIMILAR_KEYS.toSorted());
    await store.delete(keyOf());
    deepStrictEqual(await keysOf(store), SIMILAR_KEYS.filter((key) => key !== keyOf()).toSorted());
  },

  'shares nothing between two names': async ({ open }) => {
    const [store, other] = [await open(), await open('b')];
    await store.set(keyOf(), FULL_TOKEN);
    strictEqual(await other.get(keyOf()), undefined);
    deepStrictEqual(await keysOf(other), []);
    await store.lock(keyOf(), async () => {
      await store.reserve(keyOf());
      // The lock of the same key is free in the other store.
      const { interrupted } = await other.lock(keyOf(), async () => other.reserve(keyOf()), { timeout: 0 });
      strictEqual(interrupted, false);
    });
  },

  'shows no token in its keys, its description and its errors': async ({ open }) => {
    const store = await open();
    const secret = 'planted-secret';
    await store.lock(keyOf(), async () => {
      await store.reserve(keyOf());
      await store.set(keyOf(), { ...tokenNamed(`${secret}-1`), refresh_token: `${secret}-2` });
    });
    // It can't be stored as JSON, so a store may refuse it.
    const refused = await Promise.resolve(store.set(keyOf('other'), { ...tokenNamed(secret), bad: 1n })).then(
      () => '',
      (error: unknown) => error,
    );
    for (const shown of [await keysOf(store), store, refused])
      ok(!inspect(shown, { depth: 10, showHidden: true }).includes(secret), 'The store shows a token.');
  },

  'shows what another process has written or deleted within a second': async ({ open, startPeer }) => {
    const store = await open();
    const peer = await startPeer();
    const seen = async (): Promise<unknown> => {
      await store.get(keyOf());
      await sleep(MAX_MEMORY_MS + MEMORY_MARGIN_MS);
      return store.get(keyOf());
    };
    await store.set(keyOf(), tokenNamed('first'));
    await store.get(keyOf());
    await peer.call('set', keyOf(), tokenNamed('second'));
    deepStrictEqual(await seen(), tokenNamed('second'));
    await peer.call('delete', keyOf());
    strictEqual(await seen(), undefined);
    strictEqual(await peer.call('get', keyOf()), undefined);
  },
};
