export type { PostgresClient, PostgresPool } from './pool.ts';
export { postgresStore } from './store.ts';
export type { PostgresStoreOptions } from './store.ts';
export { tableStatement } from './table.ts';
