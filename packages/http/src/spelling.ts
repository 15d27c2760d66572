import { toBase64 } from '@oa/mechanisms';
import { formEncode, toErrorText } from '@oa/types/rfc';

/** A shorter run of characters can be in a text and in a secret by accident. */
export const MIN_SHARED_CHARACTERS = 10;

/**
 * Returns the spellings in which a server can send a secret back: plain, percent-encoded once and twice, hexadecimal, and base64, also as a
 * part of a longer text such as `id:secret`. They are comparable: see {@link toComparable}.
 */
export function spellingsOf(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const percent = [formEncode(secret), encodeURIComponent(secret.toWellFormed())];
  const whole = [secret, ...percent, toBase64(bytes), toBase64(bytes).replace(/=+$/, '')];
  // A short spelling of these kinds would be in many texts by accident.
  const long = [
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    ...percent.map((text) => encodeURIComponent(text)),
    base64After(1, bytes),
    base64After(2, bytes),
  ].filter(({ length }) => length >= MIN_SHARED_CHARACTERS);
  return [...whole, ...long].map((text) => toComparable(toErrorText(text))).filter((text) => text !== '');
}

/** Returns an error text without the differences that spellings have in common: upper and lower case, base64 and base64url. */
export function toComparable(text: string): string {
  return text.toLowerCase().replaceAll('-', '+').replaceAll('_', '/');
}

/** Encodes bytes as they appear in the base64 of a longer text, where 1 or 2 other bytes are in the first group of three. */
function base64After(before: 1 | 2, bytes: Uint8Array): string {
  const longer = new Uint8Array(before + bytes.length);
  longer.set(bytes, before);
  // The characters that depend on the other bytes are left out.
  return toBase64(longer).slice(before + 1);
}
