import { fromBase64Url, toBase64Url } from '@oa/mechanisms';
import { assertKeySource, OAuthError, type KeySource } from '@oa/types';
import { loadKey } from './key.ts';
import { sourcesOf } from './rotate.ts';

/** An encrypted text, as a member of a JSON document. */
export interface EncryptedText {
  /** The id of the key. */
  key: string;
  /** The initialization vector, in base64url. It is random, and used for this text only. */
  iv: string;
  /** The ciphertext with its authentication tag, in base64url. */
  ciphertext: string;
}

/** What an error says of a text that can't be decrypted, and how to end a wait for its key. */
export interface DecryptOptions {
  /**
   * What or where the text is. It is the subject of the error messages.
   *
   * @default 'An encrypted value'
   */
  place?: string | undefined;
  /**
   * What to do where the key is lost.
   *
   * @default 'log in again: the new token replaces the value'
   */
  remedy?: string | undefined;
  /** Ends the wait for the key. */
  signal?: AbortSignal | undefined;
}

/** The version of what {@link toAdditionalData} returns, and of the algorithm. */
const ENVELOPE_VERSION = 1;
/** NIST SP 800-38D section 8.2.2: random vectors of 96 bits, for at most 2^32 texts with one key. */
const IV_BYTES = 12;

/**
 * Encrypts a text with AES-256-GCM and a random initialization vector.
 *
 * @param about what the text belongs to, such as the key under which it is stored. It is not stored with the text, and is authenticated: the
 *   text can't be decrypted as another one's.
 * @param options `signal` ends the wait for the key
 * @throws {OAuthError} `storage_unavailable`, or whatever else the key source rejects with
 * @throws {TypeError} if `source` is no key source, or does not return 32 bytes
 * @example
 * const encrypted = await encryptText(secret, 'the secret of https://as.example', { id: 'kms/2026', key: decryptDataKey });
 * const secret = await decryptText(encrypted, 'the secret of https://as.example', { id: 'kms/2026', key: decryptDataKey });
 */
export async function encryptText(
  text: string,
  about: string,
  source: KeySource,
  options: Pick<DecryptOptions, 'signal'> = {},
): Promise<EncryptedText> {
  assertKeySource(source, 'The key source');
  const key = await loadKey(source, options.signal);
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const algorithm = { name: 'AES-GCM', iv, additionalData: toAdditionalData(source.id, about) };
  const ciphertext = await crypto.subtle.encrypt(algorithm, key, new TextEncoder().encode(text));
  return { key: source.id, iv: toBase64Url(iv), ciphertext: toBase64Url(new Uint8Array(ciphertext)) };
}

/**
 * Asks for the key, so that it is there when a text must be encrypted.
 *
 * @throws {OAuthError} `storage_unavailable`, or whatever else the key source rejects with
 * @throws {TypeError} if `source` is no key source, or does not return 32 bytes
 */
export async function assertKeyAvailable(source: KeySource): Promise<void> {
  assertKeySource(source, 'The key source');
  await loadKey(source, undefined);
}

/**
 * Decrypts a text that {@link encryptText} has encrypted.
 *
 * @param about the same as when the text was encrypted
 * @throws {OAuthError} `decryption_failed`; `storage_unavailable`, or whatever else the key source rejects with
 * @throws {TypeError} if `source` is no key source, or does not return 32 bytes
 */
export async function decryptText(
  encrypted: EncryptedText,
  about: string,
  source: KeySource,
  options: DecryptOptions = {},
): Promise<string> {
  assertKeySource(source, 'The key source');
  const found = sourcesOf(source).find(({ id }) => id === encrypted.key);
  if (found === undefined) throw otherKeyError(encrypted, source, options);
  const key = await loadKey(found, options.signal);
  const iv = toCipherBytes(encrypted.iv);
  const additionalData = toAdditionalData(found.id, about);
  try {
    const bytes = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv, additionalData },
      key,
      toCipherBytes(encrypted.ciphertext),
    );
    // The text itself may start with a byte order mark.
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  } catch {
    throw undecryptableError(encrypted, options);
  }
}

/** What is authenticated, and not encrypted. */
function toAdditionalData(id: string, about: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify([ENVELOPE_VERSION, id, about]));
}

/** The bytes of a damaged text are none, which no ciphertext has. */
function toCipherBytes(text: unknown): Uint8Array<ArrayBuffer> {
  return (typeof text === 'string' ? fromBase64Url(text) : undefined) ?? new Uint8Array();
}

const DEFAULT_PLACE = 'An encrypted value';
const DEFAULT_REMEDY = 'log in again: the new token replaces the value';

function otherKeyError(
  { key }: EncryptedText,
  source: KeySource,
  { place = DEFAULT_PLACE, remedy = DEFAULT_REMEDY }: DecryptOptions,
): OAuthError {
  const ids = sourcesOf(source).map(({ id }) => JSON.stringify(id));
  const present = ids.length === 1 ? `the key ${ids[0]}` : `the keys ${ids.join(' and ')}`;
  return new OAuthError(
    'decryption_failed',
    `${place} was encrypted with the key ${JSON.stringify(key)}, and this program has ${present}. The value is kept as it is. ` +
      `Pass that key too, with rotate of @oa/encryption. If it is lost, ${remedy}.`,
  );
}

function undecryptableError(
  { key }: EncryptedText,
  { place = DEFAULT_PLACE, remedy = DEFAULT_REMEDY }: DecryptOptions,
): OAuthError {
  return new OAuthError(
    'decryption_failed',
    `${place} can't be decrypted with the key ${JSON.stringify(key)}: it is damaged, it was copied from another place, or the key has changed ` +
      `and kept its id. The value is kept as it is. Pass the right key. If it is lost, ${remedy}.`,
  );
}
