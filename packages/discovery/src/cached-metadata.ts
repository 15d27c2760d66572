import { isObject } from '@oa/mechanisms';
import { OAuthError, type AuthorizationServer } from '@oa/types';
import { assertSecureEndpoints } from './server.ts';

/** The metadata of one authorization server, as `DiscoverOptions.cache` stores it. */
export interface CachedMetadata {
  server: AuthorizationServer;
  /** Seconds since the epoch. */
  expires_at: number;
  /** The server publishes no metadata: these are the conventional endpoints. */
  conventional?: true;
}

/** Checks a stored entry as strictly as a response: secrets are sent to these endpoints. */
export function assertCachedMetadata(entry: CachedMetadata, issuer: string): void {
  const { server, expires_at }: Record<string, unknown> = isObject(entry) ? entry : {};
  if (
    !isObject(server) ||
    server['issuer'] !== issuer ||
    typeof server['token_endpoint'] !== 'string' ||
    typeof expires_at !== 'number'
  )
    throw new OAuthError(
      'corrupt_file',
      'The stored metadata is not what was stored for this issuer. Delete the entry.',
    );
  assertSecureEndpoints(entry.server);
}
