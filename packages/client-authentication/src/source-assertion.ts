import { isOAuthError, OAuthError, type AssertionSource } from '@oa/types';
import { JWT_BEARER_ASSERTION_TYPE } from './signed-assertion.ts';
import type { AuthenticationRefusal, ClientAuthentication } from './types.ts';

/** A longer text is no assertion. */
const MAX_ASSERTION_CHARACTERS = 65_536;
const SOURCE_ADVICE =
  'Check that the server trusts the issuer of the client assertion, that it expects this subject and this audience for the client, and that the assertion has not expired.';

/** Authenticates with the assertions of a source. */
export function createSourceAssertion(
  source: AssertionSource | string,
  type: string = JWT_BEARER_ASSERTION_TYPE,
): ClientAuthentication {
  return async ({ server, client, refusal, signal }) => {
    const rejected = rejectedAssertion(refusal);
    if (refusal !== undefined && rejected === undefined) return undefined;
    const assertion =
      typeof source === 'string' ? source : await askSource(source, { audience: server.issuer, signal, rejected });
    const client_assertion = toUsableAssertion(assertion);
    if (client_assertion === rejected) return undefined;
    const { client_id } = client;
    return { parameters: { client_id, client_assertion_type: type, client_assertion }, advice: SOURCE_ADVICE };
  };
}

/** Returns the assertion that was sent, if the server refused the client. RFC 6749 section 5.2: 401 is about the client too. */
function rejectedAssertion(refusal: AuthenticationRefusal | undefined): string | undefined {
  if (refusal === undefined || (refusal.error !== 'invalid_client' && refusal.status !== 401)) return undefined;
  const sent = refusal.authenticated?.parameters?.['client_assertion'];
  return typeof sent === 'string' ? sent : undefined;
}

/** A source that has no other assertion may fail. Then the refusal of the server says more than its error. */
async function askSource(source: AssertionSource, request: Parameters<AssertionSource>[0]): Promise<unknown> {
  try {
    return await source(request);
  } catch (error) {
    if (request.rejected !== undefined && isOAuthError(error)) return request.rejected;
    throw error;
  }
}

/** @throws {OAuthError} `assertion_unavailable`, which shows no part of the assertion */
function toUsableAssertion(assertion: unknown): string {
  // A file ends with a line break.
  const text = typeof assertion === 'string' ? assertion.trim() : '';
  if (text !== '' && text.length <= MAX_ASSERTION_CHARACTERS) return text;
  throw new OAuthError(
    'assertion_unavailable',
    `The source of the client assertion returned no usable one: it must be a text of 1 to ${MAX_ASSERTION_CHARACTERS} characters. Check the source.`,
  );
}
