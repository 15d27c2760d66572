import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CaseContext, ContractCase } from './case.ts';
import type { ContractStore } from './options.ts';
import type { Peer } from './peer.ts';
import { increment, keyOf, readCount, tokenNamed } from './tokens.ts';

const PROCESSES = 4;

async function startPeers({ startPeer }: CaseContext): Promise<Peer[]> {
  return Promise.all(Array.from({ length: PROCESSES }, startPeer));
}

/** The cases about mutual exclusion. */
export const lockCases: Record<string, ContractCase> = {
  'excludes the other calls of a process': async ({ open }) => {
    const stores = [await open(), await open()];
    let running = 0;
    const call = async (store: ContractStore): Promise<void> =>
      store.lock(keyOf(), async () => {
        running += 1;
        strictEqual(running, 1, 'Two calls run their work at the same time.');
        await increment(store, keyOf());
        running -= 1;
      });
    await Promise.all(Array.from({ length: 20 }, async () => Promise.all(stores.map(call))));
    strictEqual(await readCount(await open(), keyOf()), 40);
  },

  'loses no update of several processes on one key': async (context) => {
    const peers = await startPeers(context);
    await Promise.all(peers.map(async (peer) => peer.call('count', [keyOf()], 20)));
    strictEqual(await readCount(await context.open(), keyOf()), PROCESSES * 20);
  },

  'loses no update of several processes on many keys': async (context) => {
    const peers = await startPeers(context);
    const keys = Array.from({ length: 10 }, (_, index) => keyOf(`client-${index}`));
    await Promise.all(peers.map(async (peer) => peer.call('count', keys, 3)));
    const store = await context.open();
    for (const key of keys) strictEqual(await readCount(store, key), PROCESSES * 3);
  },

  'shows its holder what the holder before has written, at once': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    for (let turn = 0; turn < 5; turn += 1) {
      await store.get(keyOf());
      await peer.call('take', keyOf());
      await peer.call('set', keyOf(), tokenNamed(`turn-${turn}`));
      await peer.call('end', keyOf());
      deepStrictEqual(await store.lock(keyOf(), async () => store.get(keyOf())), tokenNamed(`turn-${turn}`));
    }
  },

  'leaves the lock of another key free': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await peer.call('take', keyOf('a'));
    strictEqual(await store.lock(keyOf('b'), async () => 'b', { timeout: 0 }), 'b');
    const both = store.lock(keyOf('b'), async () => store.lock(keyOf('c'), async () => 'c', { timeout: 0 }));
    strictEqual(await both, 'c');
    await peer.call('end', keyOf('a'));
  },

  'resolves with the result of the work': async ({ open }) => {
    const store = await open();
    const result = {};
    strictEqual(await store.lock(keyOf(), async () => result), result);
    strictEqual(await store.lock(keyOf(), async () => undefined), undefined);
  },

  'rejects with the error of the work, and is free then': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    const bug = new RangeError('A bug.');
    await rejects(
      store.lock(keyOf(), async () => Promise.reject(bug)),
      (error) => error === bug,
    );
    const synchronous = (): never => {
      throw bug;
    };
    await rejects(store.lock(keyOf(), synchronous), (error) => error === bug);
    await peer.call('take', keyOf());
    await peer.call('end', keyOf());
    strictEqual(await store.lock(keyOf(), async () => 'free'), 'free');
  },

  'stays with its holder while the holder works, however long': async ({ open, startPeer }) => {
    const [store, peer] = [await open(), await startPeer()];
    await peer.call('take', keyOf());
    await peer.call('reserve', keyOf());
    // Longer than a lock of the store may last without a renewal.
    await sleep(5000);
    await rejects(
      store.lock(keyOf(), async () => 'taken', { timeout: 0 }),
      { code: 'lock_timeout' },
    );
    await peer.call('assertHeld');
    await peer.call('set', keyOf(), tokenNamed('late'));
    await peer.call('end', keyOf());
    deepStrictEqual(await store.lock(keyOf(), async () => store.get(keyOf())), tokenNamed('late'));
  },
};
