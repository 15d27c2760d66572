export type { ClientStoreOptions } from './paths.ts';
export type { GetOrRegisterOptions } from './register.ts';
export { fileClientStore } from './store.ts';
export type { ClientStore, StoredClient } from './store.ts';
