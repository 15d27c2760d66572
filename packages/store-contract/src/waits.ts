import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { isOAuthError } from '@oa/types';
import type { ContractCase } from './case.ts';
import { FREE_PROMISE, inTime, startWaiter } from './outcome.ts';
import { keyOf, tokenNamed } from './tokens.ts';

const WAIT_TIMEOUT_MS = 500;
const ABORT_PROMISE = 'A call of lock whose signal aborts must reject';
const ADOPT_PROMISE = 'A call of lock whose whileWaiting returns a value must resolve';

/** The cases about calls that wait for a lock. */
export const waitCases: Record<string, ContractCase> = {
  'tries once with a timeout of 0, and rejects with lock_timeout': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await peer.call('take', keyOf());
    let runs = 0;
    const work = async (): Promise<void> => void (runs += 1);
    await assertLockTimeout(() => store.lock(keyOf(), work, { timeout: 0 }));
    strictEqual(runs, 0);
    await store.lock(keyOf('free'), work, { timeout: 0 });
    strictEqual(runs, 1);
    // A store may free the lock a moment after the holder's call has ended.
    await peer.call('end', keyOf());
    await store.lock(keyOf(), work);
    strictEqual(runs, 2);
  },

  'rejects with lock_timeout when the timeout is over, and never runs the work': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await peer.call('take', keyOf());
    let runs = 0;
    const work = async (): Promise<void> => void (runs += 1);
    const call = async (): Promise<void> => store.lock(keyOf(), work, { timeout: WAIT_TIMEOUT_MS });
    await Promise.all([1, 2, 3].map(async () => assertLockTimeout(call)));
    await peer.call('end', keyOf());
    await inTime(
      store.lock(keyOf(), async () => undefined),
      FREE_PROMISE,
    );
    strictEqual(runs, 0);
  },

  'rejects with lock_timeout for another call of the same process too': async ({ open }) => {
    const store = await open();
    const end = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const holder = store.lock(keyOf(), () => (started.resolve(), end.promise));
    await started.promise;
    for (const timeout of [0, WAIT_TIMEOUT_MS])
      await assertLockTimeout(() => store.lock(keyOf(), async () => undefined, { timeout }));
    end.resolve();
    await holder;
  },

  'rejects with the reason of the signal that ends the wait, and the lock stays usable': async (context) => {
    const [store, peer] = [await context.open(), await context.startPeer()];
    await peer.call('take', keyOf());
    const controller = new AbortController();
    const reason = new Error('The user has left.');
    let runs = 0;
    const work = async (): Promise<void> => void (runs += 1);
    const waiters = [1, 2].map(() => startWaiter(store, keyOf(), work, { signal: controller.signal }));
    for (const { waits } of waiters) await waits;
    controller.abort(reason);
    // The holder still works.
    for (const { outcome } of waiters) strictEqual((await inTime(outcome, ABORT_PROMISE)).error, reason);
    await peer.call('end', keyOf());
    const usable = store.lock(keyOf(), async () => 'usable');
    strictEqual(await inTime(usable, FREE_PROMISE), 'usable');
    await peer.call('take', keyOf());
    await peer.call('end', keyOf());
    strictEqual(runs, 0);
  },

  'rejects with the reason of a signal that has aborted before': async ({ open }) => {
    const store = await open();
    const reason = new Error('The user has left.');
    let runs = 0;
    const work = async (): Promise<void> => void (runs += 1);
    await rejects(store.lock(keyOf(), work, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
    strictEqual(runs, 0);
    await store.lock(keyOf(), work, { timeout: 0 });
  },

  'lets a waiter adopt what the holder has stored, before the lock is free': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await peer.call('take', keyOf());
    let runs = 0;
    const work = async (): Promise<string> => `work ${(runs += 1)}`;
    const adopt = async (): Promise<string | undefined> => (await store.get(keyOf()))?.access_token;
    const waiters = [1, 2].map(() => startWaiter(store, keyOf(), work, { whileWaiting: adopt }));
    for (const { waits } of waiters) await waits;
    await peer.call('set', keyOf(), tokenNamed('adopted'));
    for (const { outcome } of waiters) deepStrictEqual(await inTime(outcome, ADOPT_PROMISE), { value: 'adopted' });
    strictEqual(runs, 0);
    await peer.call('end', keyOf());
    strictEqual(await store.lock(keyOf(), work), 'work 1');
  },

  'lets a call of the same process adopt, before the lock is free': async ({ open }) => {
    const store = await open();
    const end = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const holder = store.lock(keyOf(), () => (started.resolve(), end.promise));
    await started.promise;
    strictEqual(await store.lock(keyOf(), async () => 'work', { whileWaiting: () => 'adopted' }), 'adopted');
    end.resolve();
    await holder;
  },
};

async function assertLockTimeout(call: () => Promise<unknown>): Promise<void> {
  await inTime(
    rejects(call, (error) => isOAuthError(error) && error.code === 'lock_timeout'),
    'A call of lock must reject with lock_timeout',
  );
}
