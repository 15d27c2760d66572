import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** As many digests take about as long as `node:crypto` takes to load. Those of `node:crypto` take a fifth of the time. */
const MAX_SLOW_DIGESTS = 500;

let digests = 0;

/**
 * The SHA-256 of a text (as UTF-8) in 64 hexadecimal digits: a name for a file or a checksum. The first ones of a process do without the 38
 * built-in modules that `node:crypto` loads. It is not for secrets: its time is not constant.
 */
export function sha256Hex(text: string): string {
  digests += 1;
  const hash = digests > MAX_SLOW_DIGESTS ? globalThis.process?.getBuiltinModule?.('node:crypto').hash : undefined;
  return hash?.('sha256', text) ?? bytesToHex(sha256(new TextEncoder().encode(text)));
}
