import { fileVersion } from '@oa/private-file';
import type { Token } from '@oa/types';

/** Tokens that were read, for as long as their files have not changed. */
export interface TokenMemory {
  /**
   * @param isExact whether the version of the file is compared in any case, and not once a second
   */
  get(key: string, isExact?: boolean): Token | undefined;
  /**
   * @param version the version of the file before it was read
   */
  set(key: string, token: Token, file: string, version: string): void;
  delete(key: string): void;
  clear(): void;
}

interface RememberedToken {
  token: Token;
  file: string;
  version: string;
  /** The period in which the version of the file was last compared. */
  period: number | undefined;
  /** About how many bytes of memory it takes. */
  bytes: number;
}

const MAX_TOKENS = 100_000;
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
/** What an entry takes besides the text of its key, file, version and token. */
const ENTRY_BYTES = 500;
/** For at most this time a token is returned without a look at its file. */
const PERIOD_MS = 1000;

/**
 * Creates an empty memory. The time of a lookup does not depend on the number of tokens. Above 100,000 tokens or 64 MiB the oldest ones are
 * read from their files again.
 */
export function createTokenMemory(): TokenMemory {
  const tokens = new Map<string, RememberedToken>();
  let bytes = 0;
  let period = 0;
  let isTimed = false;

  function get(key: string, isExact = false): Token | undefined {
    const remembered = tokens.get(key);
    if (remembered === undefined) return undefined;
    if (isExact || remembered.period !== period) {
      if (fileVersion(remembered.file) !== remembered.version) {
        drop(key);
        return undefined;
      }
      remembered.period = period;
      startTimer();
    }
    return remembered.token;
  }

  /**
   * Ends the period in a second, for all tokens. A lookup that reads a clock takes twice as long. Where no timer can fire, because the process is
   * busy or stopped, no request is sent either.
   */
  function startTimer(): void {
    if (isTimed) return;
    isTimed = true;
    setTimeout(() => {
      period += 1;
      isTimed = false;
    }, PERIOD_MS).unref();
  }

  function set(key: string, token: Token, file: string, version: string): void {
    drop(key);
    const size = ENTRY_BYTES + key.length + file.length + version.length + JSON.stringify(token).length;
    // Compared at the next use: many processes need one token once, and no timer.
    tokens.set(key, { token, file, version, period: undefined, bytes: size });
    bytes += size;
    for (const oldest of tokens.keys()) {
      if (tokens.size <= MAX_TOKENS && bytes <= MAX_MEMORY_BYTES) break;
      drop(oldest);
    }
  }

  function drop(key: string): void {
    bytes -= tokens.get(key)?.bytes ?? 0;
    tokens.delete(key);
  }

  function clear(): void {
    tokens.clear();
    bytes = 0;
  }

  return { get, set, delete: drop, clear };
}
