import { isObject } from '@oa/mechanisms';
import { OAuthError, type AuthorizationServer } from '@oa/types';
import { isAnswer, type ServerSearch } from './search.ts';
import { assertSecureEndpoints } from './server.ts';

/** The metadata of one authorization server, as `DiscoverOptions.cache` stores it. */
export interface CachedMetadata {
  /** Absent in entries of earlier versions after `no-store`. */
  server?: AuthorizationServer | undefined;
  /** Where the metadata was found. This address is asked first the next time. */
  metadata_url?: string | undefined;
  /** Seconds since the epoch. */
  expires_at: number;
  /** The server publishes no metadata: these are the conventional endpoints. */
  conventional?: true;
  /** The server does not want its metadata to be stored: it is used for a minute, and not while the server is down. */
  no_store?: true;
}

/** An entry with the metadata itself. */
export type UsableMetadata = CachedMetadata & { server: AuthorizationServer };

/** Checks a stored entry as strictly as a response: secrets are sent to these endpoints. */
export function assertCachedMetadata(entry: CachedMetadata, search: ServerSearch): void {
  const { server, metadata_url, expires_at }: Record<string, unknown> = isObject(entry) ? entry : {};
  const isAddress = metadata_url === undefined || search.urls.some((url) => url === metadata_url);
  const isServer = server === undefined ? metadata_url !== undefined : isAnswerObject(server, search);
  if (!isAddress || !isServer || typeof expires_at !== 'number')
    throw new OAuthError(
      'corrupt_file',
      'The stored metadata is not what was stored for this issuer. Delete the entry.',
    );
  if (entry.server !== undefined) assertSecureEndpoints(entry.server);
}

function isAnswerObject(server: unknown, search: ServerSearch): boolean {
  if (!isObject(server) || typeof server['token_endpoint'] !== 'string') return false;
  const { issuer, guessed_after } = server;
  const isGuess = guessed_after === undefined || isListOfTexts(guessed_after);
  return typeof issuer === 'string' && isAnswer(issuer, search) && isGuess;
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
