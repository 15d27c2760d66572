import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/**
 * The SHA-256 of a text (as UTF-8) in 64 hexadecimal digits, without the 38 built-in modules that `node:crypto` loads: a name for a file
 * or a checksum. It is not for secrets: its time is not constant.
 */
export function sha256Hex(text: string): string {
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}
