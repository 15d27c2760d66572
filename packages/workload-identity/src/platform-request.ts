import { readError, request, type HttpOptions, type HttpResponse } from '@oa/http';
import { isOAuthError, type OAuthError } from '@oa/types';
import { noAssertion } from './ready-assertion.ts';

/** A request to a service of a platform. */
export interface PlatformRequest {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  /** Begins the sentence of an error, such as `GitHub Actions`. */
  platform: string;
  /** What to do if the platform refuses. */
  cure: string;
}

/**
 * Asks a service of a platform over https.
 *
 * @returns the body of a successful answer
 * @throws {OAuthError} `assertion_unavailable`
 * @throws the reason of `options.signal` when it aborts
 */
export async function requestPlatform(asked: PlatformRequest, options: HttpOptions): Promise<string> {
  const { method, url, headers } = asked;
  // No token is used up by a request, so it can be sent again.
  const response = await orNoAssertion(asked, request(method, url, { ...options, headers, idempotent: true }));
  const error = await readError(response);
  if (error !== undefined) throw toNoAssertion(asked, error);
  return response.text;
}

async function orNoAssertion(asked: PlatformRequest, answer: Promise<HttpResponse>): Promise<HttpResponse> {
  try {
    return await answer;
  } catch (error) {
    throw isOAuthError(error) ? toNoAssertion(asked, error) : error;
  }
}

function toNoAssertion({ platform, cure }: PlatformRequest, error: OAuthError): OAuthError {
  const { message, retryable, retryAfter, status } = error;
  return noAssertion(`${platform} gave no token. ${message} ${cure}`, { retryable, retryAfter, status });
}
