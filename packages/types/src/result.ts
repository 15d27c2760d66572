import { isOAuthError, type OAuthError } from './oauth-error.ts';

/** A value, or the {@link OAuthError} that came instead. */
export type Result<T> = { ok: true; value: T } | { ok: false; error: OAuthError };

/**
 * Turns the `OAuthError` that a promise rejects with into a value.
 *
 * @returns `{ ok: true, value }`, or `{ ok: false, error }` for an `OAuthError`
 * @throws every other error: a bug, or the caller's own abort reason
 * @example
 * const result = await attempt(source());
 * if (!result.ok) console.error(result.error.message);
 */
export async function attempt<T>(promise: Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    if (isOAuthError(error)) return { ok: false, error };
    throw error;
  }
}
