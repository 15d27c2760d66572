import { fileVersion, readPrivate, removePrivate, withLock, writePrivate } from '@oa/private-file';
import { isOAuthError, OAuthError, type LockOptions, type OAuthErrorCode } from '@oa/types';
import { isObject, parse } from './record.ts';

/**
 * Runs `work` with the lock of `file`. Who waited while the holder's work failed gets that failure, instead of asking the
 * same server for the same thing once more: 50 processes make one request to a server that is down, not 50.
 */
export async function lockSharingFailure<T>(file: string, work: () => Promise<T>, options: LockOptions<T>): Promise<T> {
  const failures = `${file.replace(/\.json$/, '')}.failure`;
  const before = fileVersion(failures);
  let waited = false;

  async function whileWaiting(): Promise<T | undefined> {
    waited = true;
    const value = await options.whileWaiting?.();
    if (value === undefined && fileVersion(failures) !== before) await throwFailure(failures);
    return value;
  }

  async function run(): Promise<T> {
    // The holder may have ended between two looks: the last one is taken with the lock held.
    const value = waited ? await whileWaiting() : undefined;
    if (value !== undefined) return value;
    try {
      const result = await work();
      if (fileVersion(failures) !== undefined) await removePrivate(failures);
      return result;
    } catch (error) {
      // An OAuthError holds codes and texts only. Where it can't be written, the waiters find out for themselves.
      // That nobody can be asked here is no failure of the server: the next one may have a person at its terminal.
      if (isOAuthError(error) && error.code !== 'login_required')
        await Promise.allSettled([writePrivate(failures, JSON.stringify(error))]);
      throw error;
    }
  }

  return withLock(file, run, { ...options, whileWaiting });
}

/** Throws the failure that `file` holds. Does nothing if it holds none. */
async function throwFailure(file: string): Promise<void> {
  const failure = parse((await readPrivate(file)) ?? '');
  if (!isObject(failure)) return;
  const { code, message, ...details } = failure;
  if (typeof code === 'string' && typeof message === 'string')
    throw new OAuthError(code as OAuthErrorCode, message, details);
}
