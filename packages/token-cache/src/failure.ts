import { parseJson } from '@oa/mechanisms';
import {
  fileVersion,
  readPrivate,
  removePrivate,
  withLock,
  writePrivate,
  type FileLockOptions,
} from '@oa/private-file';
import { attempt, isShareableError, parseOAuthError, type OAuthError } from '@oa/types';

/**
 * Runs `work` with the lock of `file`. Calls that waited while the work of the holder failed get its failure, instead of sending the
 * same request to the same server: 50 processes make one request to a server that is down, not 50. A failure that can depend on the
 * credentials of the holder is not shared (docs/decisions/028-shared-failures.md).
 */
export async function lockSharingFailure<T>(
  file: string,
  work: () => Promise<T>,
  options: FileLockOptions<T>,
): Promise<T> {
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
      // The result counts, also where the old failure can't be removed.
      if (fileVersion(failures) !== undefined) await attempt(removePrivate(failures));
      return result;
    } catch (error) {
      // An OAuthError holds only codes and texts. If it can't be written, the waiters do the work themselves.
      if (isShareableError(error))
        await attempt(writePrivate(failures, JSON.stringify(error), { replaceRefused: true }));
      throw error;
    }
  }

  return withLock(file, run, { ...options, whileWaiting });
}

/** Throws the failure that `file` holds, if it holds one. */
async function throwSharedFailure(file: string): Promise<void> {
  // A failure that can't be read is not shared: the waiters then do the work themselves.
  const text = await attempt(readPrivate(file));
  const failure = text.ok ? parseFailure(text.value ?? '') : undefined;
  if (failure !== undefined) throw failure;
}

/**
 * Parses the text of a failure file.
 *
 * @returns `undefined` if it is damaged, or if its failure is not one that calls share
 */
export function parseFailure(text: string): OAuthError | undefined {
  const failure = parseOAuthError(parseJson(text));
  return isShareableError(failure) ? failure : undefined;
}
