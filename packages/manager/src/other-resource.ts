import { parseTokenKey } from '@oa/token-cache';
import { attempt, type Token } from '@oa/types';
import { rethrowModuleError } from './module-error.ts';
import { isRefreshable } from './freshness.ts';
import { findRelatedTokens, hasScopesOf, type KeyedToken } from './other-scopes.ts';
import type { Failed, Renewed } from './outcome.ts';
import { sendRefresh } from './refresh.ts';
import { withServer } from './server.ts';
import type { Session } from './session.ts';
import { toKeys } from './stored.ts';

/**
 * Finds a stored token of the same user and client whose login named the resource of the session too, so that its refresh token can give a token
 * for it (RFC 8707 section 2.2). No other one is tried: a server may use the refresh token up before it refuses a resource.
 */
export async function findOtherResource(session: Session): Promise<KeyedToken | undefined> {
  const asked = parseTokenKey(session.keys[0]);
  const [resource, ...others] = asked?.resource ?? [];
  if (asked === undefined || resource === undefined || others.length > 0) return undefined;
  const related = await findRelatedTokens(session, ['scope', 'resource']);
  return related.find(
    ({ token, granted }) =>
      isRefreshable(session, token) && [token.named_resources].flat().includes(resource) && hasScopesOf(asked, granted),
  );
}

/**
 * A token for the resource of the session from the refresh token of another one. The caller holds the lock of the session. That of the other
 * one is taken too, and a new refresh token is stored there: each refresh token has one place.
 *
 * @returns `undefined` if there is no such refresh token, or if the server refuses it for this resource. The other session stays as it is.
 */
export async function renewWithOtherResource(
  session: Session,
  signal: AbortSignal,
): Promise<Renewed | Failed | undefined> {
  const other = await findOtherResource(session);
  if (other === undefined) return undefined;
  const work = session.context.tokens.lock(other.key, () => requestForResource(session, other.key), { signal });
  const result = await attempt(work.catch(rethrowModuleError));
  if (!result.ok) {
    const { error } = result;
    // Such as `invalid_target`: the server gives no such token, and a login may give one.
    return error.code === 'oauth_error' && !error.retryable ? undefined : { type: 'failed', error };
  }
  return result.value === undefined ? undefined : { type: 'renewed', token: result.value };
}

async function requestForResource(session: Session, key: string): Promise<Token | undefined> {
  const { context } = session;
  const current = await context.tokens.get(key);
  if (current?.refresh_token === undefined || !isRefreshable(session, current)) return undefined;
  const { refresh_token: oldRefreshToken } = current;
  const found = await session.clientOf(current);
  if (found === undefined) return undefined;
  let granted: Token | undefined;
  const other: Session = {
    ...session,
    ...toKeys(key, session.configuredClient),
    refreshParameters: { scope: session.scope, ...session.refreshParameters },
    stored: async () => context.tokens.get(key),
    store({ refresh_token = oldRefreshToken, named_resources: _named, ...token }) {
      granted = token;
      return context.tokens.set(key, { ...current, refresh_token });
    },
  };
  const failed = await (await context.failures()).find(other);
  if (failed !== undefined) throw failed;
  const outcome = await withServer(other, (server) => sendRefresh(other, server, found, current, undefined));
  if (outcome.type === 'failed') throw outcome.error;
  if (outcome.type === 'refused' || granted === undefined) return undefined;
  await session.store(granted);
  session.source = 'refreshed';
  return granted;
}
