import { attempt, OAuthError, type Result } from '@oa/types';
import type { Context } from './context.ts';
import { logoutOf } from './logout.ts';
import { openStoredSession } from './session.ts';
import { storedIdentities } from './sessions.ts';

/** A server that does not answer must not make every other session wait. */
const MAX_CONCURRENT_LOGOUTS = 10;

/**
 * Ends all stored sessions. One that fails does not stop the others.
 *
 * @returns how many sessions have ended
 * @throws {OAuthError} of the first session that failed, or of a token that can't be read
 * @throws {TypeError} if the store can't list its keys
 */
export async function logoutAll(context: Context, signal: AbortSignal | undefined): Promise<number> {
  signal?.throwIfAborted();
  const works: (() => Promise<boolean>)[] = [];
  const collect = async (): Promise<void> => {
    for await (const [key, identity] of storedIdentities(context))
      works.push(() => logoutOf(openStoredSession(context, key, identity), key, signal));
  };
  const collected = await attempt(collect());
  const ends: Result<boolean>[] = [];
  const workNext = async (): Promise<void> => {
    for (let work = works.shift(); work !== undefined; work = works.shift()) ends.push(await attempt(work()));
  };
  await Promise.all(Array.from({ length: MAX_CONCURRENT_LOGOUTS }, workNext));
  const failed = ends.filter((end) => !end.ok);
  const [first = collected] = failed;
  if (first.ok) return ends.filter((end) => end.ok && end.value).length;
  const { error } = first;
  const counts =
    failed.length === 0 ? '' : `${failed.length} of ${ends.length} sessions did not end without a problem. `;
  throw new OAuthError(error.code, `${counts}${error.message}`, error);
}
