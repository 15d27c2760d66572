import { isObject, parseJson, sha256Hex } from '@oa/mechanisms';
import { readPrivate } from '@oa/private-file';
import { attempt, OAuthError, type Result, type Token } from '@oa/types';
import { isStoredIdentity, parseTokenKey, type StoredIdentity } from './key.ts';

/** The version of the files, not of the package. A reader of a version reads all earlier versions too, and upgrades them here. */
const FORMAT_VERSION = 1;

/**
 * The content of a token's file. `identity` is the parsed key. The file also has a last member `checksum`: the SHA-256 of the text before it.
 * With it a changed bit is told from a token. Earlier versions wrote files without one.
 */
export interface TokenRecord {
  format: typeof FORMAT_VERSION;
  identity: StoredIdentity;
  token: Token;
}

/**
 * The text of a token's file.
 *
 * @throws {TypeError} if `key` was not made by `tokenKey`
 */
export function serializeRecord(key: string, token: Token): string {
  const identity = parseTokenKey(key);
  if (identity === undefined) throw new TypeError('The key of a token must be made by tokenKey.');
  const record: TokenRecord = { format: FORMAT_VERSION, identity, token };
  // Without the last brace.
  const text = JSON.stringify(record, toExactNumber).slice(0, -1);
  return `${text}${CHECKSUM_START}${sha256Hex(text)}${CHECKSUM_END}\n`;
}

const CHECKSUM_START = ',"checksum":"';
const CHECKSUM_END = '"}';
/** Of the end of a file with a checksum, without white space. */
const CHECKSUM_CHARACTERS = CHECKSUM_START.length + 64 + CHECKSUM_END.length;

/** Not in the types of TypeScript yet, and not in every runtime. */
const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };

/** `JSON.stringify` would write the numbers that a server wrote as `1e400` and `-0` as `null` and `0`. */
function toExactNumber(_name: string, value: unknown): unknown {
  if (typeof value !== 'number' || rawJSON === undefined) return value;
  if (Object.is(value, -0)) return rawJSON('-0');
  return Math.abs(value) === Number.POSITIVE_INFINITY ? rawJSON(value > 0 ? '1e400' : '-1e400') : value;
}

/** Whether the checksum of a file is right, or missing. */
function isIntact(text: string): boolean {
  const content = text.trimEnd();
  const at = content.length - CHECKSUM_CHARACTERS;
  if (!content.startsWith(CHECKSUM_START, at)) return true;
  return content.slice(at) === `${CHECKSUM_START}${sha256Hex(content.slice(0, at))}${CHECKSUM_END}`;
}

/**
 * Parses the text of a token's file.
 *
 * @param place where it is stored, as the subject of an error message
 * @returns `undefined` if the file is damaged
 * @throws {OAuthError} `newer_file_format`
 */
export function parseRecord(text: string, place: string): TokenRecord | undefined {
  const record = parseJson(text);
  if (!isObject(record) || typeof record['format'] !== 'number') return undefined;
  if (record['format'] > FORMAT_VERSION)
    throw new OAuthError(
      'newer_file_format',
      `${place} was written by a newer version of this program, so it is neither used nor overwritten. Update the program, keep its tokens in another place, or move this one away.`,
    );
  // The checksum of a newer format may be of another kind, so it is not looked at before.
  if (record['format'] !== FORMAT_VERSION || !isIntact(text)) return undefined;
  if (!isStoredIdentity(record['identity']) || !isStoredToken(record['token'])) return undefined;
  return record as unknown as TokenRecord;
}

/**
 * Reads a token's file.
 *
 * @param key where it is given, a record that was stored under another key is damaged: the file was copied or renamed
 * @returns `undefined` if there is no file
 * @throws {OAuthError} `insecure_file_permissions`, `newer_file_format`, `storage_unavailable`
 */
export async function readRecord(file: string, key?: string): Promise<TokenRecord | 'damaged' | undefined> {
  return toRecord(await attempt(readPrivate(file)), file, key);
}

/** Makes the record of what was read. The parameters and the errors are those of {@link readRecord}. */
export function toRecord(
  read: Result<string | undefined>,
  file: string,
  key?: string,
): TokenRecord | 'damaged' | undefined {
  if (!read.ok) {
    if (read.error.code === 'corrupt_file') return 'damaged';
    throw read.error;
  }
  if (read.value === undefined) return undefined;
  const record = parseRecord(read.value, file);
  return record !== undefined && (key === undefined || belongsTo(record, key)) ? record : 'damaged';
}

/** Whether the record was stored under `key`. A file that was copied or renamed belongs to no key. */
export function belongsTo(record: TokenRecord, key: string): boolean {
  return JSON.stringify(record.identity) === key;
}

/** Checks the members that programs use. All other members are kept unchanged. */
function isStoredToken(value: unknown): value is Token {
  if (!isObject(value) || !Object.hasOwn(value, 'access_token') || !Object.hasOwn(value, 'token_type')) return false;
  const { access_token, token_type, expires_at, expires_in, refresh_token, scope } = value;
  return (
    typeof access_token === 'string' &&
    access_token !== '' &&
    typeof token_type === 'string' &&
    [expires_at, expires_in].every((time) => time === undefined || typeof time === 'number') &&
    [refresh_token, scope].every((text) => text === undefined || typeof text === 'string')
  );
}
