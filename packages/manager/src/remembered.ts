import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { readPrivate, removePrivate, writePrivate } from '@oa/private-file';
import { cacheDirectory } from '@oa/token-cache';
import { OAuthError, type Store } from '@oa/types';

/** JSON values below `$XDG_CACHE_HOME/<app>/<folder>`, so that a second process need not ask for them again. */
export function fileStore<V>(app: string, folder: string): Store<V> {
  const fileOf = (key: string): string =>
    join(dirname(cacheDirectory(app)), folder, `${createHash('sha256').update(key).digest('hex')}.json`);
  return {
    get: async (key) => {
      const text = await readPrivate(fileOf(key));
      return text === undefined ? undefined : (parse(text) as V);
    },
    set: async (key, value) => writePrivate(fileOf(key), JSON.stringify(value)),
    delete: async (key) => removePrivate(fileOf(key)),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new OAuthError('corrupt_file', 'What was remembered of a server is not JSON; it is asked for anew.');
  }
}
