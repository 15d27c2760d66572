import { createLoader } from '@oa/mechanisms';
import { isExpired, isStorageError, type Client, type Token } from '@oa/types';
import { isRefreshable, isWithoutLifetime } from './freshness.ts';
import type { Session } from './session.ts';

const loadOtherScopes = createLoader(() => import('./other-scopes.ts'));

/**
 * Reads the stored token of a session. The first read also looks where else the token may be, and where it finds one, the session uses that
 * key.
 *
 * @param isFirstRead whether the session has not read before
 */
export async function readStored(session: Session, isFirstRead: boolean): Promise<Token | undefined> {
  const stored = await readToken(session, session.key);
  // What can't be read may be there.
  if (!isFirstRead || session.context.tokens.problemOf(session.key) !== undefined) return stored;
  const [, ...formerKeys] = session.keys;
  if (stored === undefined)
    for (const key of formerKeys) {
      const found = await readToken(session, key);
      if (found !== undefined) return useKey(session, key, found);
    }
  if (stored !== undefined && isOfUse(session, stored)) return stored;
  const [other] = await (await loadOtherScopes()).findWithOtherScopes(session);
  return other === undefined ? stored : useKey(session, other.key, other.token);
}

/** Whether the token can be handed out, or refreshed: no grant is needed. */
export function isOfUse(session: Session, token: Token): boolean {
  return isRefreshable(session, token) || isWithoutLifetime(session, token) || !isExpired(token, session.context);
}

function useKey(session: Session, key: string, token: Token): Token {
  Object.assign(session, toKeys(key, session.configuredClient));
  return token;
}

/** Whether the session uses the key that its grants have. */
export function isOwnKey({ key, keys }: Session): boolean {
  return key === keys[0];
}

/** From now on the session uses the key that its grants have: what was granted is not what another key says. */
export function useOwnKey(session: Session): void {
  Object.assign(session, toKeys(session.keys[0], session.configuredClient));
}

/** The key of a token, and what tells the calls of one client and secret from all others. */
export function toKeys(key: string, configuredClient: Client | undefined): Pick<Session, 'key' | 'flight'> {
  return { key, flight: JSON.stringify([key, configuredClient]) };
}

/** What needs no user goes on without the store: a second grant harms no session. */
async function readToken({ context, needsUser }: Session, key: string): Promise<Token | undefined> {
  try {
    return await context.tokens.get(key);
  } catch (error) {
    if (needsUser || !isStorageError(error)) throw error;
    return undefined;
  }
}
