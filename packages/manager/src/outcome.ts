import { attempt, type Client, type OAuthError, type Token } from '@oa/types';
import { rethrowModuleError } from './module-error.ts';

/** What an attempt to get a newer token came to. */
export type Outcome = Renewed | Refused | Failed;

/** There is a new token, and it is stored. */
export interface Renewed {
  type: 'renewed';
  token: Token;
}

/** The server has refused the refresh token: only a new grant helps. */
export interface Refused {
  type: 'refused';
  error: OAuthError;
  /** Whether the refresh token can never be used again. Otherwise it stays stored until a new grant has succeeded. */
  isDefinite: boolean;
  /** The registered client that the server does not know any more. */
  forgotten?: Client | undefined;
}

/** The attempt failed for another reason (network, 5xx, 429, a full disk). The stored token may still be good. */
export interface Failed {
  type: 'failed';
  error: OAuthError;
}

/** Turns a promise of a stored token into an outcome. What is neither an OAuthError nor the failure to load a module still rejects. */
export async function toOutcome(token: Promise<Token>): Promise<Renewed | Failed> {
  const result = await attempt(token.catch(rethrowModuleError));
  return result.ok ? { type: 'renewed', token: result.value } : { type: 'failed', error: result.error };
}
