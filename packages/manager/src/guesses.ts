import { setBounded } from '@oa/mechanisms';
import type { AuthorizationServer, OAuthEvent } from '@oa/types';
import { normalizeIssuer } from '@oa/types/rfc';

/** The servers whose endpoints are guessed, because they publish no metadata. */
export interface Guesses {
  /** Notes whether the endpoints of `server` are guessed. */
  note: (server: AuthorizationServer) => void;
  /** The event, with the metadata addresses that were asked in vain if it is about such a server. */
  mark: (event: OAuthEvent) => OAuthEvent;
}

const MAX_GUESSED_SERVERS = 1000;

export function createGuesses(): Guesses {
  const guesses = new Map<string, readonly string[]>();
  return {
    note({ issuer, guessed_after }) {
      const key = normalizeIssuer(issuer);
      if (guessed_after === undefined) guesses.delete(key);
      else setBounded(guesses, key, guessed_after, MAX_GUESSED_SERVERS);
    },
    mark(event) {
      const guessed_after = 'issuer' in event ? guesses.get(normalizeIssuer(event.issuer)) : undefined;
      return guessed_after === undefined ? event : { ...event, guessed_after };
    },
  };
}
