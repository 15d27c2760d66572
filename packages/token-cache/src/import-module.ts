import { withStorageErrors } from '@oa/private-file';

/** A module is a file too: a process that has too many open files can't load it. */
export async function importCacheModule<T>(loading: Promise<T>): Promise<T> {
  return withStorageErrors('A module of @oa/token-cache', loading);
}
