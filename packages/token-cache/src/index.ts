export { fileTokenCache } from './cache.ts';
export type { TokenCache } from './cache.ts';
export { parseTokenKey, tokenKey } from './key.ts';
export type { StoredIdentity, TokenIdentity } from './key.ts';
export type { CachedToken } from './list.ts';
export { cacheDirectory, cacheFile } from './paths.ts';
export type { TokenCacheOptions } from './paths.ts';
