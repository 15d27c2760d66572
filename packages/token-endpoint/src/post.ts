import { sendAuthenticated, type AuthenticatedExchange, type AuthenticatedRequest } from '@oa/client-authentication';
import { request, type HttpResponse } from '@oa/http';
import { startDeadline } from '@oa/mechanisms';
import {
  explainGuess,
  type AuthorizationServer,
  type Client,
  type RequestOptions,
  type RequestParameters,
} from '@oa/types';
import { withinDeadline } from './authentication-deadline.ts';
import type { TokenEndpointOptions } from './options.ts';

/** A form to post to an endpoint that authenticates clients. */
export interface EndpointForm {
  url: string;
  parameters: RequestParameters;
  /** Whether the server may get it twice: `false` where the parameters hold a code or a token that works once. */
  idempotent: boolean;
}

/** Makes a value of a response, or rejects with the refusal in it. `authenticated` is what authenticated the request. */
export type ResponseReader<T> = (response: HttpResponse, authenticated: AuthenticatedRequest) => Promise<T>;

/**
 * Posts a form to an endpoint that authenticates clients, with the fallbacks of `sendAuthenticated`. All attempts share the timeout of the
 * caller, and errors say whether the endpoint is guessed.
 *
 * @returns what `read` returned
 * @throws {OAuthError} `unsupported_client_authentication`, `network_error`, `timeout`, `insecure_url`, `redirect_refused`,
 *   `response_too_large`, and what `read` rejects with
 * @throws {TypeError} if `client.client_id` is missing, or if an option is wrong
 * @throws the reason of `options.signal` when it aborts
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-2.3
 */
export async function postAuthenticated<T>(
  server: AuthorizationServer,
  client: Client,
  form: EndpointForm,
  read: ResponseReader<T>,
  options: Pick<TokenEndpointOptions, 'authentication'> & RequestOptions,
): Promise<T> {
  const { url, idempotent } = form;
  const remainingMs = startDeadline(options.timeout);
  return explainGuess(server, options, (explained) => {
    const send: AuthenticatedExchange<HttpResponse, T>['send'] = (authenticated, renew) =>
      request('POST', authenticated.url ?? url, {
        ...explained,
        fetch: authenticated.fetch ?? explained.fetch,
        timeout: remainingMs(),
        headers: authenticated.headers,
        form: { ...form.parameters, ...authenticated.parameters },
        idempotent,
        renew,
      });
    const authentication = withinDeadline(explained.authentication, remainingMs);
    return sendAuthenticated(server, client, { url, idempotent, send, read }, { ...explained, authentication });
  });
}
