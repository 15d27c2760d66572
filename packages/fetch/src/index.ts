export { createFetch } from './fetch.ts';
export type { FetchOptions } from './fetch.ts';
