import { isOAuthError, OAuthError } from '@oa/types';

/** Names a refusal by what it concerns here: a token that others could have read or planted. */
export function toTokenCacheError(error: unknown): unknown {
  if (!isOAuthError(error) || error.code !== 'insecure_file_permissions') return error;
  return new OAuthError('insecure_token_cache_permissions', error.message);
}

/** Runs `work` with its errors so named. */
export async function asTokenCache<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toTokenCacheError(error);
  }
}
