import { isObject } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';
import { readCache } from './cache.ts';
import type { DiscoverRequirementsOptions, ResourceRequirements } from './requirements.ts';
import { assertResourceMetadata, toResourceUrl } from './resource.ts';

/**
 * Reads the cached requirements of a resource, however old they are. Guessed ones count only with the `fallback` that allows them. Makes no
 * request.
 *
 * @returns `undefined` if none are cached
 * @throws {OAuthError} `insecure_url`
 * @throws {TypeError} if `url` is not an absolute URL
 */
export async function storedRequirements(
  url: string,
  options: Pick<DiscoverRequirementsOptions, 'cache' | 'onEvent' | 'fallback'>,
): Promise<ResourceRequirements | undefined> {
  const asked = toResourceUrl(url);
  const stored = await readCache(url, options, (entry) => assertRequirements(entry, asked));
  return stored?.guessed === true && options.fallback !== 'origin' ? undefined : stored;
}

/** Checks a stored entry as strictly as a response. */
function assertRequirements(entry: ResourceRequirements, asked: URL): void {
  const stored: Record<string, unknown> = isObject(entry) ? entry : {};
  const { authorization_servers: servers, resource, scope, challenge = {}, guessed = true, expires_at } = stored;
  const isComplete = Array.isArray(servers) && servers.length > 0 && typeof resource === 'string';
  if (!isComplete || typeof expires_at !== 'number' || !isText(scope) || !isSaid(challenge) || guessed !== true)
    throw new OAuthError(
      'corrupt_file',
      'The stored requirements are not what was stored for this resource. Delete the entry.',
    );
  assertResourceMetadata({ resource, authorization_servers: servers as string[] }, asked);
}

function isSaid(value: unknown): boolean {
  return isObject(value) && isText(value['resource_metadata']) && isText(value['scope']);
}

function isText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}
