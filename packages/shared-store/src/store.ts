import { setBounded } from '@oa/mechanisms';
import { createTokenCodec, type DescribedToken } from '@oa/token-cache';
import { attempt, isExpired, isStorageError, OAuthError, type KeySource, type Store, type Token } from '@oa/types';
import type { SharedEngine } from './engine.ts';
import { createSharedLock, digestOf } from './lock.ts';
import { createSharedMemory } from './memory.ts';

/** A `Store<Token>` that several machines share. */
export interface SharedStore extends Required<Omit<Store<Token>, 'directory'>> {
  /**
   * Describes the stored tokens, without any secret and without the encryption key.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  list(): AsyncIterable<DescribedToken>;
}

/** How a shared store is made. */
export interface SharedStoreOptions {
  /** Encrypts the tokens. What they are for stays readable. */
  encryption?: KeySource | undefined;
  /** Names the place of the tokens in the sentences of messages, such as `the table oa_tokens`. */
  place: string;
}

const MAX_NOTED_WRITES = 10_000;

/**
 * Creates a store of tokens on an engine that several machines share.
 *
 * - A token that this process has read within the last second is returned from memory: at most 100,000 tokens and 64 MiB.
 * - Where the engine is away, a token that this process has read and that is still valid is returned, else `get` is `storage_unavailable`
 *   with `retryable`. `lock` never runs its work without the lock of the engine.
 * - Calls for one key at the same moment share one look at the engine.
 * - Calls that wait for a lock look at what is stored at each poll, and receive the failure of the holder.
 *
 * @example
 * const store = createSharedStore(engine, { place: 'the table oa_tokens' });
 */
export function createSharedStore(engine: SharedEngine, { encryption, place }: SharedStoreOptions): SharedStore {
  const codec = createTokenCodec({ encryption, place: `A token in ${place}` });
  const memory = createSharedMemory();
  const locks = createSharedLock(engine);

  const looks = new Map<string, Promise<Token | undefined>>();
  /** The last write of each key of this process. */
  const writes = new Map<string, object>();

  function noteWrite(key: string): void {
    looks.delete(key);
    memory.expire(key);
    setBounded(writes, key, {}, MAX_NOTED_WRITES);
  }

  /** @param before the last write when the text was asked for. A text that another write has overtaken is not remembered. */
  async function decode(key: string, text: string | undefined, before: object | undefined): Promise<Token | undefined> {
    const token = text === undefined ? undefined : await codec.decode(key, text);
    // Frozen, because all callers get the same object.
    if (token !== undefined) Object.freeze(token);
    if (writes.get(key) !== before) return token;
    if (token === undefined) memory.delete(key);
    else memory.set(key, token);
    return token;
  }

  async function load(key: string): Promise<Token | undefined> {
    const before = writes.get(key);
    const seen = locks.takeSeen(key);
    if (seen !== undefined) return decode(key, seen.text, before);
    const read = await attempt(engine.read(digestOf(key)));
    if (read.ok) return decode(key, read.value.text, before);
    const last = memory.last(key);
    if (last === undefined || isExpired(last, { leeway: 0 }) || !isStorageError(read.error)) throw read.error;
    return last;
  }

  function loadShared(key: string): Promise<Token | undefined> {
    const running = looks.get(key);
    if (running !== undefined) return running;
    const look = load(key).finally(() => {
      if (looks.get(key) === look) looks.delete(key);
    });
    looks.set(key, look);
    return look;
  }

  async function write(key: string, text: string | undefined): Promise<void> {
    noteWrite(key);
    try {
      const held = locks.held(key);
      if (held === undefined) return await engine.write(digestOf(key), text);
      if (!(await held.lock.write(text))) throw outdated(place);
    } finally {
      noteWrite(key);
    }
  }

  const peek = (key: string): Token | undefined => (locks.isWaiting(key) ? undefined : memory.current(key));

  return {
    peek,
    get: (key) => peek(key) ?? (locks.isWaiting(key) ? load(key) : loadShared(key)),
    async set(key, token) {
      await write(key, await codec.encode(key, token));
      memory.set(key, Object.freeze({ ...token }));
    },
    async delete(key) {
      // Before the write too: a token that the program has given up is not served while the engine is away.
      memory.delete(key);
      await write(key, undefined);
      memory.delete(key);
    },
    async *keys() {
      for await (const text of engine.texts()) {
        const key = codec.keyOf(text);
        if (key !== undefined) yield key;
      }
    },
    async *list() {
      for await (const text of engine.texts()) {
        const described = codec.describe(text);
        if (described !== undefined) yield described;
      }
    },
    lock: locks.run,
    async reserve(key) {
      const held = locks.held(key);
      if (held === undefined) throw new TypeError('reserve must be called with the lock of its key held.');
      // After the request nothing may be left that can refuse the write, such as a keychain that the user has locked.
      await codec.assertWritable(held.text);
      const { lock } = held;
      const interrupted = await lock.reserve();
      return { interrupted, release: () => lock.release(), assertHeld: () => lock.assertHeld() };
    },
  };
}

function outdated(place: string): OAuthError {
  return new OAuthError(
    'lock_lost',
    `Another process had the lock after this one, and has stored a newer token in ${place}. This token is not stored. Try again to get the newer one.`,
    { retryable: true },
  );
}
