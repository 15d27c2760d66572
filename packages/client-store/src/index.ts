export type { ClientStoreOptions } from './paths.ts';
export { fileClientStore } from './store.ts';
export type { ClientStore, GetOrRegisterOptions, StoredClient } from './store.ts';
