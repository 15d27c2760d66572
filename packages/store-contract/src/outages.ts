import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOAuthError, isStorageError } from '@oa/types';
import type { ContractCase } from './case.ts';
import { assertStorageError, describeError, onceAvailable, outcomeOf } from './outcome.ts';
import { keyOf, readCount, tokenNamed } from './tokens.ts';

/** Longer than a lock lasts that ends by itself. */
const LOST_LOCK_MS = 6000;
const OUTAGE_TIMEOUT_MS = 1500;

/** The cases about an engine that is away for a time. */
export const outageCases: Record<string, ContractCase> = {
  'lets get return the value, or reject with a retryable storage_unavailable': async ({ open, kill }) => {
    const [store, other] = [await open(), await open()];
    await store.set(keyOf(), tokenNamed('stored'));
    await store.get(keyOf());
    const restore = await kill();
    for (const reader of [store, other]) {
      const { value, error } = await outcomeOf(() => reader.get(keyOf()));
      if (error === undefined)
        deepStrictEqual(value, tokenNamed('stored'), 'A value that can not be read must not count as missing.');
      else {
        assertStorageError(error, 'get');
        deepStrictEqual([error.code, error.retryable], ['storage_unavailable', true]);
      }
    }
    await restore();
    for (const reader of [store, other])
      deepStrictEqual(await onceAvailable(() => reader.get(keyOf())), tokenNamed('stored'));
  },

  'never lets lock run its work without a lock': async ({ open, kill, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await store.lock(keyOf(), async () => store.set(keyOf(), tokenNamed('stored')));
    const restore = await kill();
    let runs = 0;
    for (const timeout of [0, OUTAGE_TIMEOUT_MS]) {
      const { error } = await outcomeOf(() => store.lock(keyOf(), async () => (runs += 1), { timeout }));
      const isTimeout = isOAuthError(error) && error.code === 'lock_timeout';
      ok(
        isTimeout || isStorageError(error),
        `lock must reject with storage_unavailable or lock_timeout, not ${describeError(error)}.`,
      );
    }
    strictEqual(runs, 0, 'The work ran without a lock.');
    await restore();
    await onceAvailable(() => store.lock(keyOf(), async () => (runs += 1)));
    await onceAvailable(() => peer.call('take', keyOf()));
    await peer.call('end', keyOf());
    strictEqual(runs, 1);
  },

  'makes set, delete and keys reject': async ({ open, kill }) => {
    const store = await open();
    await store.set(keyOf(), tokenNamed('stored'));
    const restore = await kill();
    const list = async (): Promise<void> => {
      for await (const _ of store.keys?.() ?? []) ok(true);
    };
    const calls: [string, () => unknown][] = [
      ['set', () => store.set(keyOf(), tokenNamed('new'))],
      ['delete', () => store.delete(keyOf())],
    ];
    if (store.keys !== undefined) calls.push(['keys', list]);
    for (const [what, call] of calls) {
      const { error } = await outcomeOf(call);
      assertStorageError(error, what);
      ok(!String(error).includes('new'), 'The error shows the value.');
    }
    await restore();
    deepStrictEqual(await onceAvailable(() => store.get(keyOf())), tokenNamed('stored'));
  },

  'makes reserve and set of a holder reject, and everything works afterwards': async ({ open, kill }) => {
    const [store, other] = [await open(), await open()];
    await store.set(keyOf(), tokenNamed('stored'));
    let restore: (() => Promise<void>) | undefined;
    const work = async (): Promise<void> => {
      restore = await kill();
      assertStorageError((await outcomeOf(() => store.reserve(keyOf()))).error, 'reserve');
      assertStorageError((await outcomeOf(() => store.set(keyOf(), tokenNamed('new')))).error, 'set');
    };
    const { error } = await outcomeOf(() => store.lock(keyOf(), work));
    // The lock may be lost, and the store may say so.
    if (error !== undefined && !isStorageError(error)) throw error;
    await restore?.();
    for (const each of [store, other]) {
      const token = await onceAvailable(() => each.lock(keyOf(), async () => each.get(keyOf())));
      deepStrictEqual(token, tokenNamed('stored'));
      await onceAvailable(() => each.lock(keyOf(), async () => each.set(keyOf(), tokenNamed('stored'))));
    }
  },

  'refuses the write of a holder whose lock was lost': async ({ open, kill, startPeer, skip }) => {
    const [store, holder] = [await open(), await startPeer()];
    await store.set(keyOf(), tokenNamed('before'));
    await holder.call('take', keyOf());
    await holder.call('reserve', keyOf());
    const restore = await kill();
    await restore();
    await onceAvailable(() => store.get(keyOf()));
    const write = async (): Promise<void> => void (await store.set(keyOf(), tokenNamed('newer')));
    const { error } = await outcomeOf(() => onceAvailable(() => store.lock(keyOf(), write, { timeout: LOST_LOCK_MS })));
    if (error !== undefined) {
      ok(isOAuthError(error) && error.code === 'lock_timeout', describeError(error));
      await onceAvailable(() => holder.call('set', keyOf(), tokenNamed('late')));
      return skip('The lock outlives a loss of the engine, so no holder can lose it this way.');
    }
    const late = await outcomeOf(() => holder.call('set', keyOf(), tokenNamed('late')));
    assertStorageError(late.error, 'set of a holder whose lock was lost');
    await outcomeOf(() => holder.call('end', keyOf()));
    deepStrictEqual(await store.lock(keyOf(), async () => store.get(keyOf())), tokenNamed('newer'));
  },

  'loses no confirmed update of several processes while the engine goes and comes': async (context) => {
    const peers = await Promise.all(Array.from({ length: 3 }, context.startPeer));
    const counts = Promise.all(peers.map(async (peer) => peer.call('countOrFail', keyOf(), 30)));
    for (let turn = 0; turn < 2; turn += 1) {
      await sleep(300);
      const restore = await context.kill();
      await sleep(300);
      await restore();
    }
    const all = await counts;
    const confirmed = all.reduce((sum, each) => sum + each.confirmed, 0);
    const failed = all.reduce((sum, each) => sum + each.failed, 0);
    const count = await readCount(await context.open(), keyOf());
    context.note(`${confirmed} updates were confirmed, ${failed} failed, and ${count} are stored.`);
    // A failed one may have been stored.
    ok(count >= confirmed && count <= confirmed + failed, `${count} of ${confirmed} confirmed updates are stored.`);
  },
};
