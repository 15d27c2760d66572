import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { isOAuthError } from '@oa/types';
import type { ContractCase } from './case.ts';
import { startWaiter } from './outcome.ts';
import { keyOf, tokenOf } from './tokens.ts';

const SHORT_TIMEOUT_MS = 500;

/** The cases about calls that wait for a lock. */
export const waitCases: Record<string, ContractCase> = {
  'tries once with a timeout of 0, and rejects with lock_timeout': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await peer.call('take', keyOf());
    let runs = 0;
    const work = async (): Promise<void> => void (runs += 1);
    await rejects(store.lock(keyOf(), work, { timeout: 0 }), isLockTimeout);
    strictEqual(runs, 0);
    await peer.call('end', keyOf());
    await store.lock(keyOf(), work, { timeout: 0 });
    strictEqual(runs, 1);
  },

  'rejects with lock_timeout when the timeout is over, and never runs the work': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await peer.call('take', keyOf());
    let runs = 0;
    const work = async (): Promise<void> => void (runs += 1);
    const call = async (): Promise<void> => store.lock(keyOf(), work, { timeout: SHORT_TIMEOUT_MS });
    await Promise.all([1, 2, 3].map(async () => rejects(call, isLockTimeout)));
    await peer.call('end', keyOf());
    await store.lock(keyOf(), async () => undefined);
    strictEqual(runs, 0);
  },

  'rejects with lock_timeout for another call of the same process too': async ({ open }) => {
    const store = await open();
    const end = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const holder = store.lock(keyOf(), () => (started.resolve(), end.promise));
    await started.promise;
    await rejects(
      store.lock(keyOf(), async () => undefined, { timeout: 0 }),
      isLockTimeout,
    );
    await rejects(
      store.lock(keyOf(), async () => undefined, { timeout: SHORT_TIMEOUT_MS }),
      isLockTimeout,
    );
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
    for (const { outcome } of waiters) strictEqual((await outcome).error, reason);
    await peer.call('end', keyOf());
    strictEqual(await store.lock(keyOf(), async () => 'usable'), 'usable');
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
    await peer.call('set', keyOf(), tokenOf('adopted'));
    for (const { outcome } of waiters) deepStrictEqual(await outcome, { value: 'adopted' });
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

function isLockTimeout(error: unknown): boolean {
  return isOAuthError(error) && error.code === 'lock_timeout';
}
