import { isExpired, isStorageError, type Client, type Token } from '@oa/types';
import { isRefreshable } from './freshness.ts';
import type { Session } from './session.ts';

/**
 * Reads the stored token of a session. The first read also looks where else the token may be, and where it finds one, the session uses that
 * key.
 *
 * @param formerKeys the keys that earlier versions used. They are given to the first read only.
 */
export async function readStored(
  session: Session,
  formerKeys: readonly string[] | undefined,
): Promise<Token | undefined> {
  const stored = await readToken(session, session.key);
  // What can't be read may be there.
  if (formerKeys === undefined || session.context.tokens.problemOf(session.key) !== undefined) return stored;
  if (stored === undefined)
    for (const key of formerKeys) {
      const found = await readToken(session, key);
      if (found !== undefined) return useKey(session, key, found);
    }
  if (stored !== undefined && isOfUse(session, stored)) return stored;
  const [other] = await (await import('./other-scopes.ts')).findWithOtherScopes(session);
  return other === undefined ? stored : useKey(session, other.key, other.token);
}

/** Whether the token can be handed out, or refreshed: no grant is needed. */
export function isOfUse(session: Session, token: Token): boolean {
  return isRefreshable(session, token) || !isExpired(token, session.context);
}

function useKey(session: Session, key: string, token: Token): Token {
  Object.assign(session, toKeys(key, session.configuredClient));
  return token;
}

/** The key of a token, and what tells the calls of one client and secret from all others. */
export function toKeys(key: string, configuredClient: Client | undefined): Pick<Session, 'key' | 'flight'> {
  return { key, flight: JSON.stringify([key, configuredClient]) };
}

/** What needs no user goes on without the store: a second grant harms no session. */
async function readToken({ context, grant_type }: Session, key: string): Promise<Token | undefined> {
  try {
    return await context.tokens.get(key);
  } catch (error) {
    if (grant_type !== 'client_credentials' || !isStorageError(error)) throw error;
    return undefined;
  }
}
