import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { OAuthError } from '@oa/types';
import type { ContractCase } from './case.ts';
import type { ContractStore } from './options.ts';
import { keyOf, tokenNamed } from './tokens.ts';

/** Whether a new holder of the lock finds a sign. It leaves none itself. */
export async function isInterrupted(store: ContractStore, key: string = keyOf()): Promise<boolean> {
  return store.lock(key, async () => {
    const { interrupted, release } = await store.reserve(key);
    await release?.();
    return interrupted;
  });
}

/** Leaves a sign, as a request without an answer does. */
async function leaveSign(store: ContractStore, key: string = keyOf()): Promise<void> {
  const lost = new OAuthError('invalid_response', 'The answer was lost.');
  await rejects(
    store.lock(key, async () => {
      await store.reserve(key);
      throw lost;
    }),
    (error) => error === lost,
  );
}

function isTypeError(error: unknown): boolean {
  return error instanceof TypeError;
}

/** The cases about the sign of an interrupted request. */
export const reservationCases: Record<string, ContractCase> = {
  'is refused with a TypeError where the lock is not held': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await rejects(async () => store.reserve(keyOf()), isTypeError);
    await store.lock(keyOf('other'), async () => rejects(async () => store.reserve(keyOf()), isTypeError));
    await peer.call('take', keyOf());
    await rejects(async () => store.reserve(keyOf()), isTypeError);
    await peer.call('end', keyOf());
    strictEqual(await isInterrupted(store), false);
  },

  'finds no sign at first, and its release leaves none': async ({ open }) => {
    const [store, other] = [await open(), await open()];
    strictEqual(await isInterrupted(store), false);
    strictEqual(await isInterrupted(other), false);
  },

  'can tell its holder that the lock is still held': async ({ open }) => {
    const store = await open();
    await store.lock(keyOf(), async () => {
      const { assertHeld, release } = await store.reserve(keyOf());
      assertHeld?.();
      await release?.();
    });
  },

  'leaves a sign after the lock has ended, where the outcome of the request is unknown': async ({ open }) => {
    const [store, other] = [await open(), await open()];
    await leaveSign(store);
    strictEqual(await isInterrupted(other), true);
  },

  'releases its own sign, and not the one of an earlier interruption': async ({ open }) => {
    const [store, other] = [await open(), await open()];
    await leaveSign(store);
    strictEqual(await isInterrupted(other), true);
    strictEqual(await isInterrupted(store), true);
  },

  'ends all signs with the next set': async ({ open }) => {
    const [store, other] = [await open(), await open()];
    await leaveSign(store);
    await leaveSign(other);
    await store.lock(keyOf(), async () => {
      strictEqual((await store.reserve(keyOf())).interrupted, true);
      await store.set(keyOf(), tokenNamed('stored'));
    });
    strictEqual(await isInterrupted(other), false);
    deepStrictEqual(await other.get(keyOf()), tokenNamed('stored'));
  },

  'keeps a value that was stored before its release': async ({ open }) => {
    const [store, other] = [await open(), await open()];
    await store.lock(keyOf(), async () => {
      const { release } = await store.reserve(keyOf());
      await store.set(keyOf(), tokenNamed('stored'));
      await release?.();
    });
    deepStrictEqual(await other.get(keyOf()), tokenNamed('stored'));
    strictEqual(await isInterrupted(other), false);
  },

  'leaves the value as it is': async ({ open }) => {
    const [store, other] = [await open(), await open()];
    await store.set(keyOf(), tokenNamed('stored'));
    await leaveSign(store);
    deepStrictEqual(await other.get(keyOf()), tokenNamed('stored'));
  },

  'leaves a sign for its own key only': async ({ open }) => {
    const [store, other] = [await open(), await open()];
    await leaveSign(store);
    strictEqual(await isInterrupted(other, keyOf('other')), false);
    strictEqual(await isInterrupted(other), true);
  },
};
