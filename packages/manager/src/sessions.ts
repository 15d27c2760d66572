import { describeToken, parseTokenKey, type StoredIdentity, type TokenDescription } from '@oa/token-cache';
import type { Context } from './context.ts';

/** A stored token as a program may show it to its user: what it is for, and no secret. */
export type StoredSession = TokenDescription;

/** The stored tokens without their secrets, by issuer and profile. */
export async function listSessions(context: Context): Promise<StoredSession[]> {
  const found: StoredSession[] = [];
  for await (const [key, identity] of storedIdentities(context)) {
    const token = await context.tokens.get(key);
    if (token !== undefined) found.push(describeToken(identity, token));
  }
  return found.toSorted((a, b) => compareTexts(a.issuer, b.issuer) || compareTexts(a.profile, b.profile));
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
