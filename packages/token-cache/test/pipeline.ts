/** What a token manager does with a token cache, without a manager: lock, read again, reserve, request, store. */
import { fileTokenCache, tokenKey, type TokenCache } from '@oa/token-cache';
import { isExpired, OAuthError, type LockOptions, type Token } from '@oa/types';

export const identity = { issuer: 'https://as.example', client_id: 'c', grant_type: 'authorization_code' };
export const key: string = tokenKey(identity);

/** Where a process says so and waits to be killed. */
export type Moment = 'before' | 'between' | 'after';

export interface PipelineTask {
  directory: string;
  endpoint: string;
  grant: 'refresh_token' | 'client_credentials';
  waits?: Moment;
}

/** A token from the cache, or from the endpoint. `onLocked` is told when it is this process's turn to ask. */
export async function getToken(
  task: PipelineTask,
  cache: TokenCache = fileTokenCache(task),
  onLocked?: () => void,
): Promise<Token> {
  const fresh = async (): Promise<Token | undefined> => {
    const stored = await cache.get(key);
    return stored === undefined || isExpired(stored) ? undefined : stored;
  };
  const options: LockOptions<Token> = { whileWaiting: fresh };
  const work = async (): Promise<Token> => {
    onLocked?.();
    return (await fresh()) ?? renew(task, cache);
  };
  return (await fresh()) ?? cache.lock(key, work, options);
}

async function renew(task: PipelineTask, cache: TokenCache): Promise<Token> {
  const stored = await cache.get(key);
  const { interrupted } = await cache.reserve(key);
  await maybeWait(task, 'before');
  try {
    const token = await request(task, stored?.refresh_token);
    await maybeWait(task, 'between');
    await cache.set(key, token);
    await maybeWait(task, 'after');
    return token;
  } catch (error) {
    if (!(error instanceof OAuthError) || error.error !== 'invalid_grant') throw error;
    const now = await cache.get(key);
    if (now !== undefined && now.refresh_token !== stored?.refresh_token) return now;
    await cache.delete(key);
    if (interrupted)
      throw new OAuthError('refresh_interrupted', 'A process died in the middle of a refresh. Log in again.');
    throw error;
  }
}

async function maybeWait(task: PipelineTask, moment: Moment): Promise<void> {
  if (task.waits !== moment) return;
  process.stdout.write(`waiting ${moment}\n`);
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}

async function request(task: PipelineTask, refresh_token?: string): Promise<Token> {
  const form = new URLSearchParams({ grant_type: task.grant, ...(refresh_token !== undefined && { refresh_token }) });
  const response = await fetch(task.endpoint, { method: 'POST', body: form });
  const body = (await response.json()) as Token & { error?: string };
  if (response.ok) return { ...body, expires_at: Math.floor(Date.now() / 1000) + (body.expires_in ?? 0) };
  throw new OAuthError(body.error === undefined ? 'http_error' : 'oauth_error', 'The server refused.', {
    status: response.status,
    retryable: response.status >= 500,
    ...(body.error !== undefined && { error: body.error }),
  });
}
