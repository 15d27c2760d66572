import type { EncryptedText } from '@oa/encryption';
import { isObject, parseJson, sha256Hex } from '@oa/mechanisms';
import { readPrivate } from '@oa/private-file';
import { attempt, OAuthError, type Result, type Token } from '@oa/types';
import {
  describeShown,
  describeToken,
  isStoredIdentity,
  parseTokenKey,
  toShownMembers,
  type DescribedToken,
  type ShownMembers,
  type StoredIdentity,
} from './key.ts';

/**
 * The version of the files, not of the package. A reader of a version reads all earlier versions too, and upgrades them here. Without encryption
 * version 1 is written, which readers of that time understand.
 */
const FORMAT_VERSION = 2;
const PLAIN_FORMAT_VERSION = 1;

/**
 * The content of a token's file. `identity` is the parsed key. The file also has a last member `checksum`: the SHA-256 of the text before it.
 * With it a changed bit is told from a token. Earlier versions wrote plain files without one.
 */
export type TokenRecord = PlainRecord | EncryptedRecord;

interface PlainRecord {
  format: typeof PLAIN_FORMAT_VERSION;
  identity: StoredIdentity;
  token: Token;
}

/** What `list` shows can be read without the key. It can't be changed without the key: it is authenticated together with the identity. */
export interface EncryptedRecord {
  format: typeof FORMAT_VERSION;
  identity: StoredIdentity;
  shown: ShownMembers;
  /** The JSON text of the token. */
  encrypted: EncryptedText;
}

/**
 * The text of a token's file, not encrypted.
 *
 * @throws {TypeError} if `key` was not made by `tokenKey`
 */
export function serializeRecord(key: string, token: Token): string {
  return toRecordText({ format: PLAIN_FORMAT_VERSION, identity: identityOf(key), token });
}

/**
 * Encrypts a token and makes the text of its file.
 *
 * @param encrypt encrypts a text, and binds it to another text
 * @throws {TypeError} if `key` was not made by `tokenKey`
 */
export async function serializeEncrypted(
  key: string,
  token: Token,
  encrypt: (text: string, about: string) => Promise<EncryptedText>,
): Promise<string> {
  const identity = identityOf(key);
  const shown = toShownMembers(token);
  const encrypted = await encrypt(toExactText(token), toTokenPlace({ identity, shown }));
  return toRecordText({ format: FORMAT_VERSION, identity, shown, encrypted });
}

/** What an encrypted token is bound to: the version of the format, its key, and what is shown of it. */
export function toTokenPlace({ identity, shown }: Pick<EncryptedRecord, 'identity' | 'shown'>): string {
  return toExactText([FORMAT_VERSION, identity, shown]);
}

function identityOf(key: string): StoredIdentity {
  const identity = parseTokenKey(key);
  if (identity === undefined) throw new TypeError('The key of a token must be made by tokenKey.');
  return identity;
}

function toRecordText(record: TokenRecord): string {
  // Without the last brace.
  const text = toExactText(record).slice(0, -1);
  return `${text}${CHECKSUM_START}${sha256Hex(text)}${CHECKSUM_END}\n`;
}

function toExactText(value: unknown): string {
  return JSON.stringify(value, toExactNumber);
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

/** Whether the checksum of a file is right. Plain files of earlier versions have none. */
function isIntact(text: string, format: number): boolean {
  const content = text.trimEnd();
  const at = content.length - CHECKSUM_CHARACTERS;
  if (!content.startsWith(CHECKSUM_START, at)) return format === PLAIN_FORMAT_VERSION;
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
  if (!isObject(record)) return undefined;
  const { format, identity } = record;
  if (typeof format !== 'number') return undefined;
  if (format > FORMAT_VERSION)
    throw new OAuthError(
      'newer_file_format',
      `${place} was written by a newer version of this program, so it is neither used nor overwritten. Update the program, keep its tokens in another place, or move this one away.`,
    );
  // The checksum of a newer format may be of another kind, so it is not looked at before.
  if (!isIntact(text, format) || !isStoredIdentity(identity)) return undefined;
  const isRecord =
    (format === PLAIN_FORMAT_VERSION && isStoredToken(record['token'])) ||
    (format === FORMAT_VERSION && isShownMembers(record['shown']) && isEncryptedText(record['encrypted']));
  return isRecord ? (record as unknown as TokenRecord) : undefined;
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

/** Describes the token of a record. It needs no encryption key. */
export function describeRecord(record: TokenRecord): DescribedToken {
  const { identity } = record;
  const key = JSON.stringify(identity);
  if (record.format === PLAIN_FORMAT_VERSION) return { key, ...describeToken(identity, record.token) };
  return { key, ...describeShown(identity, record.shown), encryption_key: record.encrypted.key };
}

function isShownMembers(value: unknown): value is ShownMembers {
  if (!isObject(value)) return false;
  const { expires_at, scope, has_refresh_token } = value;
  return (
    typeof has_refresh_token === 'boolean' &&
    (expires_at === undefined || typeof expires_at === 'number') &&
    (scope === undefined || typeof scope === 'string')
  );
}

function isEncryptedText(value: unknown): value is EncryptedText {
  if (!isObject(value)) return false;
  const { key, iv, ciphertext } = value;
  return [key, iv, ciphertext].every((text) => typeof text === 'string');
}

/** Checks the members that programs use. All other members are kept unchanged. */
export function isStoredToken(value: unknown): value is Token {
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
