import { join } from 'node:path';
import { OAuthError, type Store } from '@oa/types';
import { readPrivate, removePrivate, writePrivate } from '@oa/private-file';

/**
 * A store of JSON values in private files, one each, below `directory` (an absolute path, made when it is missing). For what can be
 * asked for again: there is no lock.
 *
 * Its promises reject with an OAuthError `insecure_file_permissions`, `corrupt_file` or `storage_unavailable`.
 */
export function jsonStore<V>(directory: string): Store<V> {
  const fileOf = (key: string): string => join(directory, `${digest(key)}.json`);
  return {
    get: async (key) => {
      const file = fileOf(key);
      const text = await readPrivate(file);
      return text === undefined ? undefined : (parse(text, file) as V);
    },
    set: async (key, value) => writePrivate(fileOf(key), JSON.stringify(value)),
    delete: async (key) => removePrivate(fileOf(key)),
  };
}

/** Keys are of any length and alphabet, file names are not. */
function digest(key: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(key).digest('hex');
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new OAuthError('corrupt_file', `${file} is not JSON. Move it away.`);
  }
}
