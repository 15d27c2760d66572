/** The keys of one token. They have the same hash tag, so a cluster keeps them in one slot. */
export interface RedisKeys {
  /** A hash: the text, and the fence of its writer. */
  value: string;
  lease: string;
  fence: string;
  sign: string;
  failure: string;
}

/** How long a counter of fences, and what is left of a deleted value, stay without use: a day. */
export const FENCE_EXPIRY_MS = 86_400_000;

/** Names the keys of a token. */
export function redisKeysOf(prefix: string, digest: string): RedisKeys {
  const value = `${prefix}{${digest}}`;
  return {
    value,
    lease: `${value}:lease`,
    fence: `${value}:fence`,
    sign: `${value}:sign`,
    failure: `${value}:failure`,
  };
}

/** Matches the values of all tokens, and no other key. */
export function valuePattern(prefix: string): string {
  return `${prefix.replace(/[\\*?[\]^]/g, String.raw`\$&`)}{*}`;
}
