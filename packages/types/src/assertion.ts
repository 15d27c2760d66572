/** What an {@link AssertionSource} is asked for. */
export interface AssertionRequest {
  /** Whom the assertion must name as its audience, usually the issuer of the authorization server. */
  audience: string;
  /** Ends the call when it aborts. The promise then rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /** The assertion that the server has just refused. A source that keeps assertions gets a new one. */
  rejected?: string | undefined;
}

/**
 * A function that returns an assertion: a signed statement of a third party, usually a JWT, that says which workload or user this is. It is
 * called for each request. It rejects with an `OAuthError` (`assertion_unavailable`), or with the reason of the signal.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7521#section-3
 */
export type AssertionSource = (request: AssertionRequest) => Promise<string>;
