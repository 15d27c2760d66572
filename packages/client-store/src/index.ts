export type { RememberedClients } from './entry.ts';
export { isSecretExpiring } from './fits.ts';
export type { ClientStoreOptions } from './paths.ts';
export type { GetOrRegisterOptions } from './register.ts';
export { fileClientStore } from './store.ts';
export type { ClientStore, StoredClient, UpdateOptions } from './store.ts';
