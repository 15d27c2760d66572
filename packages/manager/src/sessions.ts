import { isObject } from '@oa/mechanisms';
import { describeToken, parseTokenKey, type StoredIdentity, type TokenDescription } from '@oa/token-cache';
import type { Context } from './context.ts';

/** A stored token as a program may show it to its user: what it is for, how it is kept, and no secret. */
export interface StoredSession extends TokenDescription {
  /**
   * How the token is kept. `memory`: it ends with this process. `file`: in a private file. `encrypted`: on the disk or in a shared store, and
   * only `encryption_key` can read it. `store`: in the store of the option `cache`, which does not say how.
   */
  kept: 'memory' | 'file' | 'encrypted' | 'store';
  /** The id of the key that encrypts the token. */
  encryption_key?: string;
}

/** The stored tokens without their secrets, by issuer and profile. None is decrypted, so a locked keychain does not matter. */
export async function listSessions(context: Context): Promise<StoredSession[]> {
  const { tokens } = context;
  const found = await readList(context);
  for await (const [key, identity] of storedIdentities(context)) {
    if (found.has(key) && !tokens.isOnlyInMemory(key)) continue;
    const token = await tokens.get(key);
    const kept = tokens.isOnlyInMemory(key) ? 'memory' : 'store';
    if (token !== undefined) found.set(key, { ...describeToken(identity, token), kept });
  }
  return [...found.values()].toSorted((a, b) => compareTexts(a.issuer, b.issuer) || compareTexts(a.profile, b.profile));
}

/** The descriptions that the cache itself gives, by key. */
async function readList({ list }: Context): Promise<Map<string, StoredSession>> {
  const found = new Map<string, StoredSession>();
  const listed: unknown = list?.();
  if (!isIterable(listed)) return found;
  for await (const each of listed) if (isListed(each)) found.set(each.key, toStoredSession(each));
  return found;
}

function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

/** What `list` of `fileTokenCache` returns. Another store need not have a file. */
type Listed = TokenDescription & { key: string; file?: string; encryption_key?: string };

/** Another kind of cache may have a `list` of another kind. */
function isListed(value: unknown): value is Listed {
  return isObject(value) && ['key', 'issuer', 'grant_type'].every((name) => typeof value[name] === 'string');
}

function toStoredSession({ key: _key, file, ...description }: Listed): StoredSession {
  const plain = file === undefined ? 'store' : 'file';
  return { ...description, kept: description.encryption_key === undefined ? plain : 'encrypted' };
}

function compareTexts(a = '', b = ''): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * The keys of all stored tokens, and what they say. Other keys of a store that the program shares with other values are left out.
 *
 * @throws {TypeError} if the store can't list its keys
 */
export async function* storedIdentities({ tokens }: Context): AsyncGenerator<[key: string, StoredIdentity]> {
  if (tokens.keys === undefined)
    throw new TypeError('options.cache has no method keys, so its sessions can not be listed. A Map has one.');
  for await (const key of tokens.keys()) {
    const identity = parseTokenKey(key);
    if (identity !== undefined) yield [key, identity];
  }
}
