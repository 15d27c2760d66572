import { setBounded } from '@oa/mechanisms';
import { parseTokenKey } from '@oa/token-cache';
import type { Store } from '@oa/types';
import type { ResilientStore } from './resilient-store.ts';

/** A process that serves more users than this obtains the token of the oldest again. */
const MAX_SUBJECTS = 100_000;

/** A store in memory that forgets the oldest values. */
export function createBoundedStore<V>(): Store<V> {
  const values = new Map<string, V>();
  return {
    get: (key) => values.get(key),
    peek: (key) => values.get(key),
    set: (key, value) => setBounded(values, key, value, MAX_SUBJECTS),
    delete: (key) => values.delete(key),
    keys: () => values.keys(),
  };
}

/** A store that keeps the tokens with a subject in `memory`, and all others in `files`: a service must not leave those of its users on its disk. */
export function createSubjectStore<V>(files: ResilientStore<V>, memory: ResilientStore<V>): ResilientStore<V> {
  const storeOf = (key: string): ResilientStore<V> => (hasSubject(key) ? memory : files);
  return {
    get: (key) => storeOf(key).get(key),
    // The most frequent call of all, and a key is in one of the stores only.
    peek: (key) => files.peek(key) ?? memory.peek(key),
    isInMemory: (key) => storeOf(key).isInMemory(key),
    set: (key, value) => storeOf(key).set(key, value),
    delete: (key) => storeOf(key).delete(key),
    lock: (key, work, options) => storeOf(key).lock(key, work, options),
    reserve: (key) => storeOf(key).reserve(key),
    // What has a subject is nowhere else.
    isOnlyInMemory: (key) => hasSubject(key) || files.isOnlyInMemory(key),
    problemOf: (key) => storeOf(key).problemOf(key),
    async *keys() {
      yield* files.keys?.() ?? [];
      yield* memory.keys?.() ?? [];
    },
  };
}

function hasSubject(key: string): boolean {
  // The text is cheap to look for, and can also be a member of authorization details.
  return key.includes('"subject":') && parseTokenKey(key)?.subject !== undefined;
}
