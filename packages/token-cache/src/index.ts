export { fileTokenCache } from './cache.ts';
export type { TokenCache } from './cache.ts';
export { createTokenCodec } from './codec.ts';
export type { TokenCodec, TokenCodecOptions } from './codec.ts';
export { describeToken, parseTokenKey, tokenKey } from './key.ts';
export type { DescribedToken, StoredIdentity, TokenDescription, TokenIdentity } from './key.ts';
export type { CachedToken } from './list.ts';
export { cacheDirectory, cacheFile } from './paths.ts';
export type { TokenCacheOptions } from './paths.ts';
