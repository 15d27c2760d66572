import { JWT_BEARER_GRANT_TYPE, TOKEN_EXCHANGE_GRANT_TYPE } from '@oa/types/rfc';
import type { Credentials } from './credentials.ts';
import type { GrantType } from './grant-type.ts';

/** A subject without a label begins with it. */
export const DIGEST_START = 'sha-256:';

/** The member of the credentials that holds the assertion of a grant. */
const ASSERTION_MEMBERS: Readonly<Record<string, 'assertion' | 'subject_token'>> = {
  [JWT_BEARER_GRANT_TYPE]: 'assertion',
  [TOKEN_EXCHANGE_GRANT_TYPE]: 'subject_token',
};

/** The member that holds the assertion, for the grants that have one. */
export function assertionMemberOf(grant_type: GrantType | undefined): 'assertion' | 'subject_token' | undefined {
  return ASSERTION_MEMBERS[grant_type ?? ''];
}

/** @throws {TypeError} if the grant needs an assertion and has none, or has one that is not used */
export function assertSubject(credentials: Credentials): void {
  const member = assertionMemberOf(credentials.grant_type);
  for (const each of ['assertion', 'subject_token'] as const) {
    const value = credentials[each];
    if (each !== member && value !== undefined)
      throw new TypeError(`credentials.${each} belongs to another grant. Set credentials.grant_type to that grant.`);
    if (each === member && !(typeof value === 'function' || (typeof value === 'string' && value !== '')))
      throw new TypeError(
        `credentials.${each} must be a non-empty string, or a function that returns one. If it comes from an environment variable, is the variable set?`,
      );
  }
  if (credentials.subject !== undefined && member === undefined)
    throw new TypeError('credentials.subject is a label for an assertion or a subject token. Use profile instead.');
  if (credentials.subject?.startsWith(DIGEST_START) === true)
    throw new TypeError(`credentials.subject must not begin with ${DIGEST_START}, as the digest of an assertion does.`);
  const { subject_token_type } = credentials;
  if ((member === 'subject_token') !== (subject_token_type !== undefined))
    throw new TypeError('credentials.subject_token and credentials.subject_token_type need each other.');
}
