import { toStorageError } from '@oa/private-file';

/** A module is a file too: a process that has too many open files can't load it. */
export async function importCacheModule<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    throw toStorageError(error, 'A module of @oa/token-cache');
  }
}
