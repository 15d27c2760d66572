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
  const { context, grant_type } = session;
  const [key] = session.keys;
  const asked = parseTokenKey(key);
  if (grant_type === 'client_credentials' || asked?.scope === undefined || context.tokens.keys === undefined) return [];
  const found: (KeyedToken & { count: number })[] = [];
  const search = async (): Promise<void> => {
    for await (const [otherKey, identity] of storedIdentities(context)) {
      if (otherKey === key || withoutScope(identity) !== withoutScope(asked)) continue;
      const token = await context.tokens.get(otherKey);
      if (token === undefined || !isOfUse(session, token)) continue;
      const granted = scopesOf(identity, token);
      if (session.isScopeListed || asked.scope?.every((scope) => granted.has(scope)))
        found.push({ key: otherKey, token, count: granted.size });
    }
  };
  // A file of another session that can't be read is no failure of this one. It is reported when it is used.
  await attempt(search());
  return found.toSorted((a, b) => a.count - b.count);
}

/**
 * Whether a token under another key than that of the session still has all that the session asks for: a refresh can narrow the scopes
 * (RFC 6749 section 6).
 */
export function coversSession({ key, keys }: Session, token: Token): boolean {
  const [asked, identity] = [parseTokenKey(keys[0]), parseTokenKey(key)];
  // The key of an earlier version has the same scopes, and what the server grants for them is enough.
  if (identity === undefined || String(identity.scope) === String(asked?.scope)) return true;
  return asked?.scope?.every((scope) => scopesOf(identity, token).has(scope)) ?? true;
}

/** The members of a key have one order. */
function withoutScope(identity: StoredIdentity): string {
  return JSON.stringify({ ...identity, scope: undefined });
}

/** Many servers grant `offline_access` and do not list it. */
export function scopesOf(identity: StoredIdentity, token: Token): Set<string> {
  const granted = new Set(describeToken(identity, token).scope?.split(' '));
  if (token.refresh_token !== undefined && identity.scope?.includes('offline_access')) granted.add('offline_access');
  return granted;
}
