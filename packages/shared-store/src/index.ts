export type { EngineFailure, EngineLock, EngineState, LockAttempt, SharedEngine } from './engine.ts';
export { createSharedStore } from './store.ts';
export type { SharedStore, SharedStoreOptions } from './store.ts';
