import { isAssertionRefused } from '@oa/assertion-grants';
import { isOAuthError, OAuthError, type Token } from '@oa/types';
import type { Session } from './session.ts';

/**
 * Does `work` with another assertion of the caller's source, once, where the server has refused the first one, or it has expired.
 *
 * The other assertion can be about another subject. It has a session of its own: its token is no answer to the calls that have the first
 * assertion, and each of these asks its own source.
 *
 * @param error what `work` has ended with
 * @throws `error`, where the source has no other assertion
 */
export async function withOtherAssertion(
  { grant_type, otherAssertion }: Session,
  error: unknown,
  work: (session: Session) => Promise<Token>,
): Promise<Token> {
  if (otherAssertion === undefined || !isOAuthError(error)) throw error;
  // Nothing else than an assertion that has expired is refused here.
  if (error.code !== 'assertion_unavailable' && !isAssertionRefused(error, grant_type)) throw error;
  const other = await otherAssertion().catch((failure: unknown) => {
    // The source knows best what to do, and the refusal is why it was asked.
    throw isOAuthError(failure)
      ? new OAuthError(failure.code, `${failure.message} ${error.message}`, failure)
      : failure;
  });
  if (other === undefined) throw error;
  return work(other);
}
