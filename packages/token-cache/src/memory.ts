import { setBounded } from '@oa/mechanisms';
import { fileVersion } from '@oa/private-file';
import type { Token } from '@oa/types';

/** Tokens that were read, for as long as their files have not changed. */
export interface TokenMemory {
  get(key: string): Token | undefined;
  /** @param version the version of the file before it was read */
  set(key: string, token: Token, file: string, version: string): void;
  delete(key: string): void;
  clear(): void;
}

interface RememberedToken {
  token: Token;
  file: string;
  version: string;
  /** When the version of the file was last compared, on the monotonic clock. */
  checked: number;
}

const MAX_TOKENS = 10_000;
/** For this time a token is returned without a look at its file. */
const MAX_UNCHECKED_MS = 1000;

/** Creates an empty memory. The time of a lookup does not depend on the number of tokens. */
export function createTokenMemory(): TokenMemory {
  const tokens = new Map<string, RememberedToken>();

  function get(key: string): Token | undefined {
    const remembered = tokens.get(key);
    if (remembered === undefined) return undefined;
    const now = performance.now();
    if (now - remembered.checked >= MAX_UNCHECKED_MS) {
      if (fileVersion(remembered.file) !== remembered.version) {
        tokens.delete(key);
        return undefined;
      }
      remembered.checked = now;
    }
    return remembered.token;
  }

  return {
    get,
    set: (key, token, file, version) =>
      setBounded(tokens, key, { token, file, version, checked: performance.now() }, MAX_TOKENS),
    delete: (key) => void tokens.delete(key),
    clear: () => tokens.clear(),
  };
}
