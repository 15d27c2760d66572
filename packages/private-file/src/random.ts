/** Not WebCrypto, which takes 8 ms to load. `fetch` loads this module in any case. */
const crypto = process.getBuiltinModule('node:crypto');

/** Returns random bytes. */
export function randomBytes(count: number): Buffer {
  return crypto.randomBytes(count);
}
