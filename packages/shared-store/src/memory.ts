import type { Token } from '@oa/types';

/** The tokens that this process has read last. */
export interface SharedMemory {
  /** The token of a key, if it was read within the last second. */
  current(key: string): Token | undefined;
  /** The token that was read last, however long ago. It is for when the engine is away. */
  last(key: string): Token | undefined;
  set(key: string, token: Token): void;
  /** The engine is asked again before the token is returned. */
  expire(key: string): void;
  delete(key: string): void;
}

interface ReadToken {
  token: Token;
  /** The period in which it was read. */
  period: number | undefined;
  bytes: number;
}

const MAX_SHARED_TOKENS = 100_000;
const MAX_SHARED_BYTES = 64 * 1024 * 1024;
/** What an entry takes besides the text of its key and token. */
const SHARED_ENTRY_BYTES = 300;
/** For at most this time a token is returned without a look at the engine. */
const LOOK_PERIOD_MS = 1000;

/** Creates an empty memory of at most 100,000 tokens and 64 MiB. The oldest ones are read again. */
export function createSharedMemory(): SharedMemory {
  const tokens = new Map<string, ReadToken>();
  let bytes = 0;
  let period = 0;
  let isTimed = false;

  /** A lookup that reads a clock takes twice as long. Where no timer can fire, because the process is busy or stopped, no request is sent either. */
  function startTimer(): void {
    if (isTimed) return;
    isTimed = true;
    setTimeout(() => {
      period += 1;
      isTimed = false;
    }, LOOK_PERIOD_MS).unref();
  }

  function drop(key: string): void {
    bytes -= tokens.get(key)?.bytes ?? 0;
    tokens.delete(key);
  }

  return {
    current(key) {
      const read = tokens.get(key);
      return read?.period === period ? read.token : undefined;
    },
    last: (key) => tokens.get(key)?.token,
    set(key, token) {
      drop(key);
      const size = SHARED_ENTRY_BYTES + key.length + JSON.stringify(token).length;
      tokens.set(key, { token, period, bytes: size });
      bytes += size;
      startTimer();
      for (const oldest of tokens.keys()) {
        if (tokens.size <= MAX_SHARED_TOKENS && bytes <= MAX_SHARED_BYTES) break;
        drop(oldest);
      }
    },
    expire(key) {
      const read = tokens.get(key);
      if (read !== undefined) read.period = undefined;
    },
    delete: drop,
  };
}
