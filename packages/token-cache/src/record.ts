import { OAuthError, type Token } from '@oa/types';

/** Of the files, not of the package. A reader of format n also reads every format before it, by upgrading it here. */
const FORMAT = 1;

/** An identity as `tokenKey` writes it. */
interface StoredIdentity {
  issuer: string;
  client_id?: string;
  grant_type: string;
  scope?: string[];
  resource?: string[];
  audience?: string[];
  parameters?: [string, string[]][];
  profile?: string;
}

/** What a token's file holds. `identity` is what its key says. */
export interface TokenRecord {
  format: typeof FORMAT;
  identity: StoredIdentity;
  token: Token;
}

/** The text of a token's file. Throws a TypeError for a key that `tokenKey` has not made. */
export function serialize(key: string, token: Token): string {
  const identity = parse(key);
  if (!isIdentity(identity)) throw new TypeError('The key of a token must be one that tokenKey has made.');
  const record: TokenRecord = { format: FORMAT, identity, token };
  return `${JSON.stringify(record)}\n`;
}

/**
 * The record in a file's text, or `undefined` if it is damaged.
 *
 * @throws OAuthError `newer_file_format`
 */
export function deserialize(text: string, file: string): TokenRecord | undefined {
  const record = parse(text);
  if (!isObject(record) || typeof record['format'] !== 'number') return undefined;
  if (record['format'] > FORMAT)
    throw new OAuthError(
      'newer_file_format',
      `${file} was written by a newer version of this program, so it is neither used nor overwritten. Update, or use another directory.`,
    );
  if (record['format'] !== FORMAT || !isIdentity(record['identity']) || !isToken(record['token'])) return undefined;
  return record as unknown as TokenRecord;
}

/** Whether the record was stored under `key`: a file that was copied or renamed belongs to nobody. */
export function belongsTo(record: TokenRecord, key: string): boolean {
  return JSON.stringify(record.identity) === key;
}

/** `undefined` for what is not JSON. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIdentity(value: unknown): value is StoredIdentity {
  if (!isObject(value)) return false;
  const { issuer, client_id, grant_type, scope, resource, audience, profile } = value;
  return (
    [issuer, grant_type].every((text) => typeof text === 'string') &&
    [client_id, profile].every((text) => text === undefined || typeof text === 'string') &&
    [scope, resource, audience].every((list) => list === undefined || Array.isArray(list))
  );
}

/** The members that programs act on. All others are kept as they are. */
function isToken(value: unknown): value is Token {
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
