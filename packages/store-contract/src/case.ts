import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { OpenedStore, ContractStore, StoreContractOptions } from './options.ts';
import { inTime } from './outcome.ts';
import { startPeer, type Peer } from './peer.ts';

/** What a case has to work with. All of it ends with the case. */
export interface CaseContext {
  /** Opens the store of the case once more, or the one of another name. */
  open: (other?: string) => Promise<ContractStore>;
  /** Starts a process that has opened the store of the case. */
  startPeer: () => Promise<Peer>;
  /** Calls the option `kill`. The returned function makes the engine available again. */
  kill: () => Promise<() => Promise<void>>;
  /** Calls the option `corrupt`. */
  corrupt: (key: string) => Promise<void>;
  /** Ends the case visibly where the store has no such part. */
  skip: (reason: string) => void;
  /** Says what was seen, where a store may do one thing or another. */
  note: (seen: string) => void;
}

/** One case of the contract. */
export type ContractCase = (context: CaseContext) => Promise<void>;

/** The tables of an engine stay after a run, so each run has other names. */
const RUN = `oa_${randomBytes(6).toString('hex')}`;
/** A case that takes longer hangs. */
const CASE_TIMEOUT_MS = 180_000;
let cases = 0;

/** Runs a case with a store name that no other case has. */
export async function runCase(
  run: ContractCase,
  t: TestContext,
  options: StoreContractOptions,
  call: number,
): Promise<void> {
  cases += 1;
  const name = `${RUN}_${cases}`;
  const opened: OpenedStore[] = [];
  const peers: Peer[] = [];
  const restores: (() => Promise<void>)[] = [];
  const context: CaseContext = {
    async open(other) {
      const found = await options.open(other === undefined ? name : `${name}_${other}`);
      opened.push(found);
      return found.store;
    },
    async startPeer() {
      const peer = startPeer(call);
      peers.push(peer);
      await peer.call('open', name);
      return peer;
    },
    async kill() {
      const restore = await options.kill?.(name);
      let isAway = true;
      const restoreOnce = async (): Promise<void> => {
        if (isAway) await restore?.();
        isAway = false;
      };
      restores.push(restoreOnce);
      return restoreOnce;
    },
    corrupt: async (key) => void (await options.corrupt?.(name, key)),
    skip: (reason) => t.skip(reason),
    note: (seen) => t.diagnostic(seen),
  };
  try {
    await inTime(run(context), 'The case must end', CASE_TIMEOUT_MS);
  } finally {
    for (const restore of restores) await restore();
    for (const peer of peers) await peer.end('SIGKILL');
    for (const { close } of opened) await close?.();
  }
}
