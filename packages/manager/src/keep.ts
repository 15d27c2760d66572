import { isOAuthError, OAuthError, type LockOptions, type Token } from '@oa/types';
import { isStoreError, type Context } from './context.ts';

/** The stored token. A store that can't be read is one event, and a miss: the next step is a fresh request. */
export async function read(context: Context, key: string): Promise<Token | undefined> {
  const unwritten = context.unwritten.get(key);
  if (unwritten !== undefined) return unwritten;
  try {
    return await context.cache.get(key);
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    context.report(error);
    return undefined;
  }
}

/** Makes `token` durable. What can't be written is kept in memory, because it may be the only copy of a rotated refresh token. */
export async function keep(context: Context, key: string, token: Token): Promise<void> {
  try {
    await context.cache.set(key, token);
    context.unwritten.delete(key);
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    context.unwritten.set(key, token);
    context.emit({ type: 'persist_failed', code: error.code, message: error.message });
  }
}

/** Forgets the token, here and in the store. */
export async function forget(context: Context, key: string): Promise<void> {
  context.unwritten.delete(key);
  await context.cache.delete(key);
}

/**
 * Takes the room for the next `keep` before a request that uses up `token`. Of a store that can't be written to, this
 * rejects, and the refresh token is not burned. A token that lives in memory alone has nothing to lose there.
 */
export async function reserve(context: Context, key: string): Promise<{ interrupted: boolean }> {
  if (context.cache.reserve === undefined || context.unwritten.has(key)) return { interrupted: false };
  return context.cache.reserve(key);
}

/** Runs `work` under the store's lock, or one of this process alone where the store has none or can't be used. */
export async function locked<T>(
  context: Context,
  key: string,
  work: () => Promise<T>,
  options: LockOptions<T>,
): Promise<T> {
  if (context.cache.lock === undefined) return queued(context, key, work, options);
  let started = false;
  const once = (): Promise<T> => {
    started = true;
    return work();
  };
  try {
    return await context.cache.lock(key, once, options);
  } catch (error) {
    if (started || !isOAuthError(error) || !isStoreError(error)) throw error;
    context.report(error);
    return queued(context, key, work, options);
  }
}

async function queued<T>(
  { queues }: Context,
  key: string,
  work: () => Promise<T>,
  options: LockOptions<T>,
): Promise<T> {
  const ahead = queues.get(key);
  if (ahead !== undefined && options.timeout === 0)
    throw new OAuthError('lock_timeout', 'another call of this process is renewing the token');
  const run = (async () => {
    await ahead;
    options.signal?.throwIfAborted();
    return work();
  })();
  const settled = Promise.allSettled([run]);
  queues.set(key, settled);
  try {
    return await run;
  } finally {
    if (queues.get(key) === settled) queues.delete(key);
  }
}
