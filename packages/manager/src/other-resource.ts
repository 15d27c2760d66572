import { parseTokenKey, type StoredIdentity } from '@oa/token-cache';
import { attempt, isOAuthError, type OAuthError, type Token } from '@oa/types';
import { rethrowModuleError } from './module-error.ts';
import { scopesOf, type KeyedToken } from './other-scopes.ts';
import type { Failed, Renewed } from './outcome.ts';
import { sendRefresh } from './refresh.ts';
import { withServer } from './server.ts';
import type { Session } from './session.ts';
import { storedIdentities } from './sessions.ts';
import { toKeys } from './stored.ts';

/**
 * Finds a stored token of the same user and client whose login named the resource of the session too, so that its refresh token can give a token
 * for it (RFC 8707 section 2.2). No other one is tried: a server may use the refresh token up before it refuses a resource.
 */
export async function findOtherResource(session: Session): Promise<KeyedToken | undefined> {
  const { context, grant_type, keys } = session;
  const asked = parseTokenKey(keys[0]);
  const [resource, ...others] = asked?.resource ?? [];
  if (grant_type === 'client_credentials' || asked === undefined || resource === undefined || others.length > 0)
    return undefined;
  if (context.tokens.keys === undefined) return undefined;
  let found: KeyedToken | undefined;
  const search = async (): Promise<void> => {
    for await (const [key, identity] of storedIdentities(context)) {
      if (keys.includes(key) || withoutResource(identity) !== withoutResource(asked)) continue;
      const token = await context.tokens.get(key);
      if (token?.refresh_token === undefined || ![token.named_resources].flat().includes(resource)) continue;
      const granted = scopesOf(identity, token);
      if (asked.scope?.every((scope) => granted.has(scope)) !== false) found ??= { key, token };
    }
  };
  // A file of another session that can't be read is no failure of this one. It is reported when it is used.
  await attempt(search());
  return found;
}

/** The members of a key have one order. */
function withoutResource(identity: StoredIdentity): string {
  return JSON.stringify({ ...identity, scope: undefined, resource: undefined });
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
  if (!result.ok) return isRefusal(result.error) ? undefined : { type: 'failed', error: result.error };
  return result.value === undefined ? undefined : { type: 'renewed', token: result.value };
}

async function requestForResource(session: Session, key: string): Promise<Token | undefined> {
  const { context } = session;
  const current = await context.tokens.get(key);
  if (current?.refresh_token === undefined) return undefined;
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
  return granted;
}

/** Whether the server has answered that it gives no such token, such as with `invalid_target`. A login may give one. */
function isRefusal(error: OAuthError): boolean {
  return isOAuthError(error) && error.code === 'oauth_error' && !error.retryable;
}
