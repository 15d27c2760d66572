import { isOAuthError, OAuthError, type AuthorizationServer, type OAuthEvent, type Store } from '@oa/types';
import { assertEndpoints } from './server.ts';

/** What a store of `discover` keeps. */
export interface CachedMetadata {
  server: AuthorizationServer;
  /** Seconds since the epoch. */
  expires_at: number;
  /** The server publishes no metadata: these are the conventional endpoints. */
  conventional?: true;
}

interface CacheOptions {
  cache?: Store<CachedMetadata> | undefined;
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}

/** The stored entry, fresh or not. A store that fails is an event and a miss: it only saves requests. */
export async function readCache(issuer: string, options: CacheOptions): Promise<CachedMetadata | undefined> {
  try {
    const entry = await options.cache?.get(issuer);
    if (entry !== undefined) assertEntry(entry, issuer);
    return entry;
  } catch (error) {
    report(error, issuer, options);
    return undefined;
  }
}

export async function writeCache(issuer: string, entry: CachedMetadata, options: CacheOptions): Promise<void> {
  try {
    await options.cache?.set(issuer, entry);
  } catch (error) {
    report(error, issuer, options);
  }
}

function report(error: unknown, issuer: string, { onEvent }: CacheOptions): void {
  onEvent?.({ type: 'metadata_cache_failed', issuer, code: isOAuthError(error) ? error.code : 'storage_unavailable' });
}

/** What comes from a disk is checked as what comes from the network: secrets are sent to these endpoints. */
function assertEntry(entry: CachedMetadata, issuer: string): void {
  const { server, expires_at } = entry as { server?: Partial<AuthorizationServer>; expires_at?: unknown };
  if (server?.issuer !== issuer || typeof server.token_endpoint !== 'string' || typeof expires_at !== 'number')
    throw new OAuthError('corrupt_file', 'The stored metadata is not what was stored for this issuer.');
  assertEndpoints(entry.server);
}
