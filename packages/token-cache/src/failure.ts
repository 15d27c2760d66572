import { isObject, parseJson } from '@oa/mechanisms';
import { fileVersion, readPrivate, removePrivate, withLock, writePrivate } from '@oa/private-file';
import { isOAuthError, OAuthError, type LockOptions, type OAuthErrorCode } from '@oa/types';

/**
 * Runs `work` with the lock of `file`. Calls that waited while the work of the holder failed get its failure, instead of sending the
 * same request to the same server: 50 processes make one request to a server that is down, not 50.
 */
export async function lockSharingFailure<T>(file: string, work: () => Promise<T>, options: LockOptions<T>): Promise<T> {
  const failures = `${file.replace(/\.json$/, '')}.failure`;
  const before = fileVersion(failures);
  let waited = false;

  async function whileWaiting(): Promise<T | undefined> {
    waited = true;
    const value = await options.whileWaiting?.();
    if (value === undefined && fileVersion(failures) !== before) await throwSharedFailure(failures);
    return value;
  }

  async function run(): Promise<T> {
    // The holder may have ended between two looks, so the last look is taken with the lock held.
    const value = waited ? await whileWaiting() : undefined;
    if (value !== undefined) return value;
    try {
      const result = await work();
      if (fileVersion(failures) !== undefined) await removePrivate(failures);
      return result;
    } catch (error) {
      // An OAuthError holds only codes and texts. If it can't be written, the waiters do the work themselves.
      // `login_required` is not shared: it says that this process has no user to ask, and the next one may have a terminal.
      if (isOAuthError(error) && error.code !== 'login_required')
        await Promise.allSettled([writePrivate(failures, JSON.stringify(error))]);
      throw error;
    }
  }

  return withLock(file, run, { ...options, whileWaiting });
}

/** Throws the failure that `file` holds, if it holds one. */
async function throwSharedFailure(file: string): Promise<void> {
  const failure = parseJson((await readPrivate(file)) ?? '');
  if (!isObject(failure)) return;
  const { code, message, ...details } = failure;
  if (typeof code === 'string' && typeof message === 'string')
    throw new OAuthError(code as OAuthErrorCode, message, details);
}
