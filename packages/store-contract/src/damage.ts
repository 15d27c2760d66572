import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { CaseContext, ContractCase } from './case.ts';
import { assertStorageError, outcomeOf } from './outcome.ts';
import type { ContractStore } from './options.ts';
import { isInterrupted } from './reservations.ts';
import { FULL_TOKEN, keyOf, tokenNamed } from './tokens.ts';

const OTHER = keyOf('other');

/** Opens a store that has not read the damaged value. */
async function openDamaged({ open, corrupt }: CaseContext): Promise<ContractStore> {
  const store = await open();
  await store.set(keyOf(), tokenNamed('stored'));
  await store.set(OTHER, FULL_TOKEN);
  await corrupt(keyOf());
  return open();
}

/** The cases about a value that the engine returns damaged. */
export const damageCases: Record<string, ContractCase> = {
  'counts as missing, or rejects with a storage error': async (context) => {
    const store = await openDamaged(context);
    const { value, error } = await outcomeOf(() => store.get(keyOf()));
    if (error !== undefined) assertStorageError(error, 'get');
    strictEqual(value, undefined);
  },

  'leaves the other values': async (context) => {
    const store = await openDamaged(context);
    deepStrictEqual(await store.get(OTHER), FULL_TOKEN);
    await outcomeOf(() => store.get(keyOf()));
    deepStrictEqual(await store.get(OTHER), FULL_TOKEN);
  },

  'does not end the list of the keys': async (context) => {
    const store = await openDamaged(context);
    if (store.keys === undefined) return context.skip('The store has no keys().');
    const keys: string[] = [];
    const list = async (): Promise<void> => {
      for await (const key of store.keys?.() ?? []) keys.push(key);
    };
    const { error } = await outcomeOf(list);
    if (error !== undefined) assertStorageError(error, 'keys');
    ok(keys.includes(OTHER), 'The key of a whole value is missing.');
  },

  'is replaced by the next set': async (context) => {
    const store = await openDamaged(context);
    await outcomeOf(() => store.get(keyOf()));
    await store.set(keyOf(), tokenNamed('new'));
    for (const reader of [store, await context.open()]) deepStrictEqual(await reader.get(keyOf()), tokenNamed('new'));
  },

  'is replaced by the next set of a lock holder, and is no interruption': async (context) => {
    const store = await openDamaged(context);
    await store.lock(keyOf(), async () => {
      const { interrupted } = await store.reserve(keyOf());
      strictEqual(interrupted, false);
      await store.set(keyOf(), tokenNamed('new'));
    });
    deepStrictEqual(await (await context.open()).get(keyOf()), tokenNamed('new'));
    strictEqual(await isInterrupted(await context.open()), false);
  },
};
