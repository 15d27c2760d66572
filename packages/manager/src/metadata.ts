import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { CachedMetadata } from '@oa/discovery';
import { readPrivate, removePrivate, writePrivate } from '@oa/private-file';
import { cacheDirectory } from '@oa/token-cache';
import { OAuthError, type Store } from '@oa/types';

/** Server metadata below `$XDG_CACHE_HOME/<app>/metadata`, so that a second process needs no request for it. */
export function fileMetadataCache(app: string): Required<Pick<Store<CachedMetadata>, 'get' | 'set' | 'delete'>> {
  const fileOf = (issuer: string): string =>
    join(dirname(cacheDirectory(app)), 'metadata', `${createHash('sha256').update(issuer).digest('hex')}.json`);
  return {
    get: async (issuer) => {
      const text = await readPrivate(fileOf(issuer));
      return text === undefined ? undefined : parse(text);
    },
    set: (issuer, metadata) => writePrivate(fileOf(issuer), JSON.stringify(metadata)),
    delete: (issuer) => removePrivate(fileOf(issuer)),
  };
}

function parse(text: string): CachedMetadata {
  try {
    return JSON.parse(text) as CachedMetadata;
  } catch {
    throw new OAuthError('corrupt_file', 'The stored metadata is not JSON; it is asked for anew.');
  }
}
