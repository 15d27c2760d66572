import { isOAuthError, OAuthError } from '@oa/types';

/** Rethrows an error of a file. The refusal of a file gets the code that the first implementation promised for tokens. */
export function rethrowAsTokenCacheError(error: unknown): never {
  throw isOAuthError(error) && error.code === 'insecure_file_permissions'
    ? new OAuthError('insecure_token_cache_permissions', error.message)
    : error;
}
