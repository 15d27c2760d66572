import { toErrorText } from '@oa/types/rfc';
import { markShared } from './shared.ts';

/** No error shows a longer text. */
const MAX_REDACTED_CHARACTERS = 2000;
/** The text after the name of a secret is a secret, even if this process has never seen it: gateways quote the answers that they received. */
const NAMED_SECRET_PATTERN =
  /(?<=(?:access_token|refresh_token|id_token|client_secret|assertion|subject_token|actor_token|device_code|code_verifier|password) ?[:=] ?)[^\s,;&{}]{12,}/gi;
/** An address, or a word that is long enough to be a token. Dots, slashes and equals signs separate words. */
const ADDRESS_OR_WORD_PATTERN = /https?:\/\/\S+|[\w~+%-]{16,}/gi;
const WORD_PATTERN = /[\w~+%-]{16,}/g;
/** Servers name their log entries in this form. */
const UUID_PATTERN = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;
/** A part of a word in an address of documentation, such as `oauth2-error-codes`. */
const SLUG_PART_PATTERN = /^\d?[a-z]*\d{0,4}$/;

/**
 * Returns `text` as an error can show it (RFC 6749 section 5.2): without what it has in common with a secret, and without words that look
 * like a token. The time is proportional to the text and to the secrets.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const clean = toBoundedText(text, secrets);
  const marks = markShared(clean, secrets);
  for (const [start, end] of tokensIn(clean)) marks.fill(1, start, end);
  return hideMarked(clean, marks);
}

/** Returns `text` as an error can show it, without each run of 10 or more characters that a spelling of a secret also has. */
export function redactShared(text: string, secrets: readonly string[]): string {
  const clean = toBoundedText(text, secrets);
  return hideMarked(clean, markShared(clean, secrets));
}

/** Leaves so much of the text that a secret in it does not use up all of the room. */
function toBoundedText(text: string, secrets: readonly string[]): string {
  const maxCharacters = secrets.reduce((length, secret) => Math.max(length, secret.length), 0);
  return toErrorText(text.slice(0, MAX_REDACTED_CHARACTERS + maxCharacters));
}

/** Yields the start and end of what looks like a secret that this process has not seen. */
function* tokensIn(text: string): Generator<[number, number]> {
  for (const { index, 0: token } of text.matchAll(NAMED_SECRET_PATTERN)) yield [index, index + token.length];
  for (const { index, 0: found } of text.matchAll(ADDRESS_OR_WORD_PATTERN))
    for (const { index: offset, 0: word } of found.matchAll(WORD_PATTERN))
      if (isTokenLike(word) && !(found.includes('/') && isSlug(word)))
        yield [index + offset, index + offset + word.length];
}

function isTokenLike(word: string): boolean {
  return /[a-z]/i.test(word) && /\d/.test(word) && !UUID_PATTERN.test(word);
}

/** Part by part: one pattern for the whole word would try exponentially many ways to split it. */
function isSlug(word: string): boolean {
  return word.split(/[-_]/).every((part) => SLUG_PART_PATTERN.test(part));
}

/** Replaces each run of marked characters with three asterisks. The separators at its ends stay. */
function hideMarked(text: string, marks: Uint8Array): string {
  let clean = '';
  let end = 0;
  for (let start = 0; start < text.length && clean.length < MAX_REDACTED_CHARACTERS; start = end) {
    while (end < text.length && marks[end] === marks[start]) end += 1;
    const run = text.slice(start, end);
    clean += marks[start] === 0 ? run : run.replace(/[^\s,:;](?:.*[^\s,:;])?/, '***');
  }
  return clean.slice(0, MAX_REDACTED_CHARACTERS);
}
