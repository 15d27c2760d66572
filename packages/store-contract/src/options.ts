import type { Store, Token } from '@oa/types';

/** A store of tokens that several processes share. */
export interface ContractStore extends Store<Token> {
  lock: NonNullable<Store<Token>['lock']>;
  reserve: NonNullable<Store<Token>['reserve']>;
}

/** What `open` of {@link StoreContractOptions} returns. */
export interface OpenedStore {
  store: ContractStore;
  /** Ends what belongs to this store alone, such as its connections. It is called at the end of a case. */
  close?: (() => unknown) | undefined;
}

/** How the cases reach the store that they test. */
export interface StoreContractOptions {
  /**
   * Opens the store of a name. It is called in several processes, and several times in one. All stores of one name have the same values, and
   * stores of two names share nothing. Where the locks of the store end by themselves, open it so that they end within 3 seconds.
   *
   * @param name starts with a letter. It has at most 32 characters: `a` to `z`, digits and `_`. Each run has other names.
   */
  open: (name: string) => OpenedStore | Promise<OpenedStore>;
  /**
   * Makes the engine of the store unavailable to all processes: ends it, or cuts its connections and refuses new ones. The values stay.
   *
   * @returns a function that makes the engine available again
   */
  kill?: ((name: string) => Promise<() => unknown>) | undefined;
  /** Damages the stored value of a key, as a fault of the disk or another program could. */
  corrupt?: ((name: string, key: string) => unknown) | undefined;
}

/** Rejects a wrong option at once. */
export function assertContractOptions(options: StoreContractOptions): void {
  for (const name of ['open', 'kill', 'corrupt'] as const) {
    const isMissing = options[name] === undefined && name !== 'open';
    if (!isMissing && typeof options[name] !== 'function')
      throw new TypeError(
        `The option ${name} of storeContract must be a function. See the README of @oa/store-contract.`,
      );
  }
}
