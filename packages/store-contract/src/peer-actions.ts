import { isOAuthError, isStorageError, type StoreReservation, type Token } from '@oa/types';
import { startWaiter } from './outcome.ts';
import { increment, tokenNamed } from './tokens.ts';
import { toFailure, type SentFailure } from './messages.ts';
import type { ContractStore, StoreContractOptions } from './options.ts';

/** What a case can ask a peer to do. */
export type PeerActions = ReturnType<typeof createPeerActions>;

/** A lock that a peer holds, until the case ends its work. */
interface PeerLock {
  end: PromiseWithResolvers<void>;
  outcome: Promise<void>;
}

const REWRITTEN_CHARACTERS = 300_000;

function largeToken(text: string): Token {
  return tokenNamed(text.repeat(REWRITTEN_CHARACTERS));
}

/** The actions of a peer. They have one store, and at most one lock of a key. */
// oxlint-disable-next-line typescript/explicit-function-return-type -- the type is made from it
export function createPeerActions(options: StoreContractOptions) {
  let store: ContractStore;
  let reservation: StoreReservation | undefined;
  const locks = new Map<string, PeerLock>();

  return {
    open: async (name: string): Promise<void> => {
      ({ store } = await options.open(name));
    },
    get: async (key: string): Promise<Token | undefined> => store.get(key),
    set: async (key: string, token: Token): Promise<void> => void (await store.set(key, token)),
    delete: async (key: string): Promise<void> => void (await store.delete(key)),
    /** Takes the lock, and holds it until `end`. */
    take: async (key: string): Promise<void> => {
      const started = Promise.withResolvers<void>();
      const end = Promise.withResolvers<void>();
      const outcome = store.lock(key, () => (started.resolve(), end.promise));
      outcome.catch(() => undefined);
      locks.set(key, { end, outcome });
      await Promise.race([started.promise, outcome]);
    },
    /** Starts to wait for a lock that another process holds. Resolves when the call waits. */
    wait: async (key: string): Promise<void> => {
      await startWaiter(store, key, async () => undefined).waits;
    },
    reserve: async (key: string): Promise<boolean> => {
      reservation = await store.reserve(key);
      return reservation.interrupted;
    },
    release: async (): Promise<void> => void (await reservation?.release?.()),
    /** @returns whether the reservation can tell it at all */
    assertHeld: async (): Promise<boolean> => {
      reservation?.assertHeld?.();
      return reservation?.assertHeld !== undefined;
    },
    /** Ends the work of a lock. Rejects with what the call of `lock` rejects with. */
    end: async (key: string, failure?: SentFailure): Promise<void> => {
      const lock = locks.get(key);
      if (failure === undefined) lock?.end.resolve();
      else lock?.end.reject(toFailure(failure));
      await lock?.outcome;
    },
    /** Increments the counter of each key, as often as `times` says, with the lock held. */
    count: async (keys: string[], times: number): Promise<void> => {
      for (let turn = 0; turn < times; turn += 1)
        for (const key of keys) await store.lock(key, () => increment(store, key));
    },
    /**
     * Increments the counter of a key while the engine can be away.
     *
     * @returns how many increments were confirmed, and how many failed: those may have been stored
     */
    countOrFail: async (key: string, times: number): Promise<{ confirmed: number; failed: number }> => {
      let [confirmed, failed] = [0, 0];
      while (confirmed < times)
        try {
          await store.lock(key, () => increment(store, key));
          confirmed += 1;
        } catch (error) {
          if (!isStorageError(error) && !(isOAuthError(error) && error.code === 'lock_timeout')) throw error;
          failed += 1;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      return { confirmed, failed };
    },
    /** Writes one large value after the other until the process ends. Resolves after the first. */
    rewrite: async (key: string): Promise<void> => {
      await store.set(key, largeToken('a'));
      void (async () => {
        for (;;) for (const text of 'ba') await store.set(key, largeToken(text));
      })();
    },
  };
}
