import { isAbsolute, join } from 'node:path';
import { parseJson, sha256Hex } from '@oa/mechanisms';
import { readPrivate, removePrivate, userDirectory, writePrivate } from '@oa/private-file';
import { OAuthError, type Store } from '@oa/types';
import type { CachedMetadata } from './cached-metadata.ts';
import type { ResourceRequirements } from './requirements.ts';

/** The options of {@link fileMetadataCache}. */
export interface FileMetadataCacheOptions {
  /**
   * The name of the program, and of its directory in the user's cache directory. Programs with the same name share the cache.
   *
   * @default 'oa'
   */
  app?: string | undefined;
  /** An absolute path, used instead of `<user cache directory>/<app>`. */
  directory?: string | undefined;
}

/** Metadata on disk, shared by all processes of this user. */
export interface FileMetadataCache {
  /** For `DiscoverOptions.cache`. */
  servers: Store<CachedMetadata>;
  /** For `DiscoverRequirementsOptions.cache`. */
  resources: Store<ResourceRequirements>;
}

/**
 * Creates two stores of private files, one file for each issuer or resource, in the directories `servers` and `resources`. The
 * directories are created when they are first written to. The stores have no lock: metadata can be requested again.
 *
 * Their methods reject with an `OAuthError` `insecure_file_permissions`, `corrupt_file` or `storage_unavailable`. `discover` and
 * `discoverRequirements` turn it into the event `metadata_cache_failed`.
 *
 * @example
 * ```ts
 * const { servers, resources } = fileMetadataCache({ app: 'my-tool' });
 * const requirements = await discoverRequirements('https://api.example/v1', { cache: resources });
 * const server = await discover(requirements.authorization_servers[0], { cache: servers });
 * ```
 *
 * @throws {OAuthError} `storage_unavailable` if the user has no cache directory
 * @throws {TypeError} if `app` can't be the name of a directory, or if `directory` is not an absolute path
 */
export function fileMetadataCache(options: FileMetadataCacheOptions = {}): FileMetadataCache {
  const { app, directory = userDirectory('cache', app) } = options;
  if (typeof directory !== 'string' || !isAbsolute(directory))
    throw new TypeError(`options.directory must be an absolute path, not ${JSON.stringify(directory)}.`);
  return {
    servers: createFileStore(join(directory, 'servers')),
    resources: createFileStore(join(directory, 'resources')),
  };
}

function createFileStore<V>(directory: string): Store<V> {
  const toPath = (key: string): string => join(directory, `${toFileName(key)}.json`);
  return {
    get: async (key) => {
      const file = toPath(key);
      const text = await readPrivate(file);
      return text === undefined ? undefined : (parseValue(text, file) as V);
    },
    // A file that others could have planted is not used. It is replaced, or every process would ask the server.
    set: async (key, value) => writePrivate(toPath(key), JSON.stringify(value), { replaceRefused: true }),
    delete: async (key) => removePrivate(toPath(key)),
  };
}

/** Keys have any length and alphabet, file names don't. */
function toFileName(key: string): string {
  return sha256Hex(key);
}

function parseValue(text: string, file: string): unknown {
  const value = parseJson(text);
  if (value === undefined) throw new OAuthError('corrupt_file', `The metadata file ${file} is not JSON. Delete it.`);
  return value;
}
