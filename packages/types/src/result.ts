import { isOAuthError, type OAuthError } from './error.ts';

/** A value, or the OAuthError that came instead. */
export type Result<T> = { ok: true; value: T } | { ok: false; error: OAuthError };

/**
 * Turns a promise into one that does not reject with an OAuthError: it resolves to `{ ok: false, error }` instead.
 * Anything else that is thrown is a bug or the caller's own abort reason, and still rejects.
 */
export async function attempt<T>(promise: Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    if (isOAuthError(error)) return { ok: false, error };
    throw error;
  }
}
