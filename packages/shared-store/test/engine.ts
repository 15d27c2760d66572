import { OAuthError } from '@oa/types';
import type { EngineState, SharedEngine } from '../src/index.ts';

/** What all stores of one engine share: it stands for the database. */
export interface MemoryEngine extends SharedEngine {
  /** How often each method was called. */
  trips: string[];
  /** Whether the engine can't be reached. */
  isAway: boolean;
  /** Ends the lock of its holder, as a lease that is over. */
  loseLock(): void;
  /** Resolves before `tryLock` does. */
  delay: Promise<void> | undefined;
  rows: Map<string, Row>;
}

interface Row {
  text?: string | undefined;
  version: number;
  sign?: number | undefined;
  failure?: { id: string; text: string } | undefined;
}

/** An engine in the memory of the process. */
export function createMemoryEngine(): MemoryEngine {
  const rows = new Map<string, Row>();
  const holders = new Map<string, number>();
  let holder = 0;
  const trip = (name: string): void => {
    engine.trips.push(name);
    if (engine.isAway)
      throw new OAuthError('storage_unavailable', 'The engine is away. Try again later.', { retryable: true });
  };
  const rowOf = (digest: string): Row => {
    const row = rows.get(digest) ?? { version: 0 };
    rows.set(digest, row);
    return row;
  };
  const stateOf = ({ text, failure }: Row): EngineState => ({ text, failure });
  const engine: MemoryEngine = {
    trips: [],
    isAway: false,
    delay: undefined,
    rows,
    loseLock: () => holders.clear(),
    async read(digest) {
      trip('read');
      return stateOf(rowOf(digest));
    },
    async tryLock(digest) {
      await engine.delay;
      trip('tryLock');
      const row = rowOf(digest);
      if (holders.has(digest)) return { lock: undefined, state: stateOf(row) };
      holder += 1;
      const me = holder;
      const { version } = row;
      holders.set(digest, me);
      return {
        state: stateOf(row),
        lock: {
          async reserve() {
            trip('reserve');
            const interrupted = row.sign !== undefined && row.sign !== me;
            row.sign ??= me;
            return interrupted;
          },
          async release() {
            trip('release');
            if (row.sign === me) row.sign = undefined;
          },
          assertHeld() {
            if (holders.get(digest) !== me) throw new OAuthError('lock_lost', 'The lock is lost.', { retryable: true });
          },
          async write(text) {
            trip('write');
            if (row.version !== version) return false;
            Object.assign(row, { text, version: version + 1, sign: undefined });
            return true;
          },
          async end(failure) {
            engine.trips.push('end');
            if (failure !== undefined) row.failure = { id: `${me}`, text: failure };
            if (holders.get(digest) === me) holders.delete(digest);
          },
        },
      };
    },
    async write(digest, text) {
      trip('write');
      const row = rowOf(digest);
      Object.assign(row, { text, version: row.version + 1, sign: undefined });
    },
    async *texts() {
      trip('texts');
      for (const { text } of rows.values()) if (text !== undefined) yield text;
    },
  };
  return engine;
}
