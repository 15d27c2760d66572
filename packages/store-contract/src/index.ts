export { storeContract } from './contract.ts';
export type { OpenedStore, SharedStore, StoreContractOptions } from './options.ts';
