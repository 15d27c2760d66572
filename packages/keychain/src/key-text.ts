import { fromBase64Url } from '@oa/mechanisms';

/** AES-256 has keys of this length. */
export const ENCRYPTION_KEY_BYTES = 32;

/** 32 bytes in base64 or base64url, with or without padding. */
const BASE64_KEY = /^[\w+/-]{43}=?$/;
const HEX_KEY = /^[\da-f]{64}$/i;

/** The text of a key as a keychain keeps it. Hexadecimal: no program takes a part of it for an option or a quote. */
export function toKeyText(key: Uint8Array): string {
  return Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Parses the text of a key: 32 bytes in hexadecimal, base64 or base64url. White space around it is ignored.
 *
 * @returns `undefined` if `text` is no key
 */
export function parseKeyText(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  if (HEX_KEY.test(trimmed))
    return Uint8Array.from({ length: ENCRYPTION_KEY_BYTES }, (_, index) =>
      Number.parseInt(trimmed.slice(index * 2, index * 2 + 2), 16),
    );
  return BASE64_KEY.test(trimmed)
    ? fromBase64Url(trimmed.replaceAll('+', '-').replaceAll('/', '_').replace('=', ''))
    : undefined;
}
