import { describeToken, parseTokenKey, type StoredIdentity } from '@oa/token-cache';
import { attempt, type Token } from '@oa/types';
import type { Session } from './session.ts';
import { storedIdentities } from './sessions.ts';
import { isOfUse } from './stored.ts';

/** A stored token and its key. */
export interface KeyedToken {
  key: string;
  token: Token;
}

/**
 * The stored tokens of the same user and client that were requested with other scopes, and whose granted scopes have all that the session
 * asks for. The one with the fewest scopes comes first. A login for what is granted already would be pointless.
 *
 * @returns none for client credentials: a job receives the scopes that it asks for and no more, and needs no user for them
 */
export async function findWithOtherScopes(session: Session): Promise<KeyedToken[]> {
  const asked = parseTokenKey(session.keys[0]);
  if (asked?.scope === undefined) return [];
  const related = await findRelatedTokens(session, ['scope']);
  return related
    .filter(({ token, granted }) => isOfUse(session, token) && (session.isScopeListed || hasScopesOf(asked, granted)))
    .toSorted((a, b) => a.granted.size - b.granted.size);
}

/** A stored token of the same user and client, and the scopes that it was granted. */
export interface RelatedToken extends KeyedToken {
  granted: ReadonlySet<string>;
}

/**
 * The stored tokens whose keys differ from that of the session in `members` only.
 *
 * @returns none for client credentials, and none from a store that can't list its keys
 */
export async function findRelatedTokens(
  { context, needsUser, keys: [key] }: Session,
  members: readonly ('scope' | 'resource')[],
): Promise<RelatedToken[]> {
  const asked = parseTokenKey(key);
  if (!needsUser || asked === undefined || context.tokens.keys === undefined) return [];
  const found: RelatedToken[] = [];
  const search = async (): Promise<void> => {
    for await (const [otherKey, identity] of storedIdentities(context)) {
      if (otherKey === key || without(members, identity) !== without(members, asked)) continue;
      const token = await context.tokens.get(otherKey);
      if (token !== undefined) found.push({ key: otherKey, token, granted: scopesOf(identity, token) });
    }
  };
  // A file of another session that can't be read is no failure of this one. It is reported when it is used.
  await attempt(search());
  return found;
}

/** Whether all scopes of a key are granted. */
export function hasScopesOf({ scope = [] }: StoredIdentity, granted: ReadonlySet<string>): boolean {
  return scope.every((each) => granted.has(each));
}

/**
 * Whether a token under another key than that of the session still has all that the session asks for: a refresh can narrow the scopes
 * (RFC 6749 section 6).
 */
export function coversSession({ key, keys }: Session, token: Token): boolean {
  const [asked, identity] = [parseTokenKey(keys[0]), parseTokenKey(key)];
  // The key of an earlier version has the same scopes, and what the server grants for them is enough.
  if (identity === undefined || String(identity.scope) === String(asked?.scope)) return true;
  return asked === undefined || hasScopesOf(asked, scopesOf(identity, token));
}

/** The members of a key have one order. */
function without(members: readonly string[], identity: StoredIdentity): string {
  return JSON.stringify({ ...identity, ...Object.fromEntries(members.map((name) => [name, undefined])) });
}

/** Many servers grant `offline_access` and do not list it. */
function scopesOf(identity: StoredIdentity, token: Token): Set<string> {
  const granted = new Set(describeToken(identity, token).scope?.split(' '));
  if (token.refresh_token !== undefined && identity.scope?.includes('offline_access')) granted.add('offline_access');
  return granted;
}
