import { attempt, type OAuthError, type Token } from '@oa/types';

/** What an attempt to get a newer token came to. */
export type Outcome = Renewed | Ended | Failed;

/** There is a new token, and it is stored. */
export interface Renewed {
  type: 'renewed';
  token: Token;
}

/** The server has definitely refused the refresh token: only a new grant helps. */
interface Ended {
  type: 'ended';
  error: OAuthError;
}

/** The attempt failed for another reason (network, 5xx, 429, a full disk). The stored token may still be good. */
export interface Failed {
  type: 'failed';
  error: OAuthError;
}

/** Turns a promise of a stored token into an outcome. What is not an OAuthError still rejects. */
export async function toOutcome(token: Promise<Token>): Promise<Renewed | Failed> {
  const result = await attempt(token);
  return result.ok ? { type: 'renewed', token: result.value } : { type: 'failed', error: result.error };
}
