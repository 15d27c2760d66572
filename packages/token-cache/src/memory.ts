import { fileVersion } from '@oa/private-file';
import type { Token } from '@oa/types';

/** Tokens already read, for as long as their files have not changed. */
export interface Memory {
  get(key: string): Token | undefined;
  /** `version` is the file's from before it was read. */
  set(key: string, token: Token, file: string, version: string): void;
  delete(key: string): void;
  clear(): void;
}

interface Entry {
  token: Token;
  file: string;
  version: string;
  /** When the file was last looked at, by the clock that nobody sets. */
  checked: number;
}

const LARGEST = 10_000;
/** Milliseconds for which a token is handed out without a look at its file. */
const TRUSTED = 1000;

/** A bounded map: the time of a lookup does not depend on how much is held. */
export function createMemory(): Memory {
  const entries = new Map<string, Entry>();

  function get(key: string): Token | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    const now = performance.now();
    if (now - entry.checked >= TRUSTED) {
      if (fileVersion(entry.file) !== entry.version) {
        entries.delete(key);
        return undefined;
      }
      entry.checked = now;
    }
    return entry.token;
  }

  function set(key: string, token: Token, file: string, version: string): void {
    entries.delete(key);
    if (entries.size >= LARGEST) {
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    }
    entries.set(key, { token, file, version, checked: performance.now() });
  }

  return { get, set, delete: (key) => void entries.delete(key), clear: () => entries.clear() };
}
