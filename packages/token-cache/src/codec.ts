import { isOAuthError, type KeySource, type Token } from '@oa/types';
import { belongsTo, parseRecord, serializeRecord, type TokenRecord } from './record.ts';

/** How a {@link TokenCodec} stores tokens. */
export interface TokenCodecOptions {
  /** Where the texts are stored. It is the subject of error messages, such as `The row of the table oa_tokens`. */
  place: string;
  /** The key that tokens are encrypted with. */
  encryption?: KeySource | undefined;
}

/** Makes the text that a store keeps for a token, and reads it. */
export interface TokenCodec {
  /**
   * Returns the text of a token, with its key in it.
   *
   * @throws {TypeError} if `key` was not made by `tokenKey`
   */
  encode(key: string, token: Token): Promise<string>;
  /**
   * Returns the token of a text.
   *
   * @returns `undefined` if the text is damaged, or was stored under another key
   * @throws {OAuthError} `newer_file_format`
   */
  decode(key: string, text: string): Promise<Token | undefined>;
  /**
   * Returns the key under which a text was stored.
   *
   * @returns `undefined` if the text is damaged, or of a newer format
   */
  keyOf(text: string): string | undefined;
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
  // Encryption follows in the next commits. Until then no token may be stored in plain text by mistake.
  if (encryption !== undefined) throw new TypeError('options.encryption is not supported yet.');
  return {
    encode: async (key, token) => serializeRecord(key, token),
    decode: async (key, text) => {
      const record = parseRecord(text, place);
      return record !== undefined && belongsTo(record, key) ? record.token : undefined;
    },
    keyOf: (text) => {
      const record = findRecord(text, place);
      return record && JSON.stringify(record.identity);
    },
  };
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
