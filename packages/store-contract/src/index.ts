export { storeContract } from './contract.ts';
export type { OpenedStore, ContractStore, StoreContractOptions } from './options.ts';
