export type { CachedMetadata } from './cache.ts';
export { parseChallenges } from './challenge.ts';
export type { Challenge } from './challenge.ts';
export { conventionalServer } from './conventional.ts';
export { discover } from './discover.ts';
export type { DiscoverOptions } from './discover.ts';
export { discoverResource } from './resource.ts';
export type { DiscoverResourceOptions } from './resource.ts';
