import { createLoader } from '@oa/mechanisms';
import { assertKeySource, isOAuthError, type KeySource, type Token } from '@oa/types';
import { importCacheModule } from './import-module.ts';
import type { DescribedToken } from './key.ts';
import {
  belongsTo,
  describeRecord,
  parseRecord,
  serializeEncrypted,
  serializeRecord,
  type TokenRecord,
} from './record.ts';

/** How a {@link TokenCodec} stores tokens. */
export interface TokenCodecOptions {
  /** Where the texts are stored. It is the subject of error messages, such as `The row of the table oa_tokens`. */
  place: string;
  /**
   * The key that tokens are encrypted with.
   *
   * @default tokens are not encrypted
   */
  encryption?: KeySource | undefined;
}

/** Makes the text that a store keeps for a token, and reads it. */
export interface TokenCodec {
  /**
   * Returns the text of a token, with its key in it.
   *
   * @throws {OAuthError} `storage_unavailable`, or whatever else the key source rejects with
   * @throws {TypeError} if `key` was not made by `tokenKey`
   */
  encode(key: string, token: Token): Promise<string>;
  /**
   * Returns the token of a text. A plain text is read with and without encryption.
   *
   * @returns `undefined` if the text is damaged, or was stored under another key
   * @throws {OAuthError} `newer_file_format`, `decryption_failed`; `storage_unavailable`, or whatever else the key source rejects with
   */
  decode(key: string, text: string): Promise<Token | undefined>;
  /**
   * Makes sure that the next `encode` can replace a text, for `reserve` of a store: it asks for the encryption key, and refuses a text that
   * must stay.
   *
   * @param text what is stored now, `undefined` if nothing is
   * @throws {OAuthError} `newer_file_format`; `decryption_failed` for an encrypted text where the codec has no key; `storage_unavailable`, or
   *   whatever else the key source rejects with
   */
  assertWritable(text: string | undefined): Promise<void>;
  /**
   * Returns the key under which a text was stored. It needs no encryption key.
   *
   * @returns `undefined` if the text is damaged, or of a newer format
   */
  keyOf(text: string): string | undefined;
  /**
   * Describes the token of a text, without any secret. It needs no encryption key.
   *
   * @returns `undefined` if the text is damaged, or of a newer format
   */
  describe(text: string): DescribedToken | undefined;
}

/**
 * Creates the codec of a store that is no file, so that all stores write the same text.
 *
 * @throws {TypeError} if an option is wrong
 * @example
 * ```ts
 * const codec = createTokenCodec({ place: 'The row of the table tokens' });
 * const text = await codec.encode(key, token);
 * const stored = await codec.decode(key, text);
 * ```
 */
export function createTokenCodec({ place, encryption }: TokenCodecOptions): TokenCodec {
  if (typeof place !== 'string' || place === '')
    throw new TypeError('options.place must say where tokens are stored, as the subject of a sentence.');
  if (encryption !== undefined) assertKeySource(encryption, 'options.encryption');
  return {
    encode: async (key, token) => encodeToken(key, token, encryption),
    decode: async (key, text) => {
      const record = parseRecord(text, place);
      return record !== undefined && belongsTo(record, key) ? decodeToken(record, place, encryption) : undefined;
    },
    assertWritable: async (text) => {
      const record = text === undefined ? undefined : parseRecord(text, place);
      await assertReplacedEncrypted(record, place, encryption);
    },
    keyOf: (text) => {
      const record = findRecord(text, place);
      return record && JSON.stringify(record.identity);
    },
    describe: (text) => {
      const record = findRecord(text, place);
      return record && describeRecord(record);
    },
  };
}

const loadEncryptionModule: () => Promise<typeof import('./encrypted.ts')> = createLoader(() =>
  importCacheModule(import('./encrypted.ts')),
);

/** The text of a token: encrypted, where there is a key source. */
export async function encodeToken(key: string, token: Token, encryption: KeySource | undefined): Promise<string> {
  if (encryption === undefined) return serializeRecord(key, token);
  const { encryptWith } = await loadEncryptionModule();
  return serializeEncrypted(key, token, encryptWith(encryption));
}

/**
 * The token of a record.
 *
 * @returns `undefined` if what was encrypted is no token
 * @throws {OAuthError} `decryption_failed`, or what the key source rejects with
 */
export async function decodeToken(
  record: TokenRecord,
  place: string,
  encryption: KeySource | undefined,
): Promise<Token | undefined> {
  if (record.format === 1) return record.token;
  const { decryptRecord } = await loadEncryptionModule();
  return decryptRecord(record, place, encryption);
}

/**
 * Makes sure that a record is not replaced by a plain token if it is encrypted, and that the key for the next token is there.
 *
 * @throws {OAuthError} `decryption_failed`, or what the key source rejects with
 */
export async function assertReplacedEncrypted(
  record: TokenRecord | undefined,
  place: string,
  encryption: KeySource | undefined,
): Promise<void> {
  if (encryption === undefined && record?.format !== 2) return;
  const { assertKeyAvailable, missingKeyError } = await loadEncryptionModule();
  if (encryption !== undefined) await assertKeyAvailable(encryption);
  else if (record?.format === 2) throw missingKeyError(record, place);
}

/** A text of a newer format has no key that this version could read. */
function findRecord(text: string, place: string): TokenRecord | undefined {
  try {
    return parseRecord(text, place);
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    return undefined;
  }
}
