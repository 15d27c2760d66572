import { createLoader } from '@oa/mechanisms';
import { toStorageError } from '@oa/private-file';

/**
 * Rejects with the storage error where a module could not be loaded. A module is a file too: a process that has too many open files can't
 * load it.
 */
export function rethrowModuleError(error: unknown): never {
  throw toStorageError(error, 'A module of @oa/manager');
}

/** Loads once. After a failure the next call tries again: the process may have free descriptors then. */
export function loadOnce<T>(load: () => Promise<T>): () => Promise<T> {
  return createLoader(() => load().catch(rethrowModuleError));
}
