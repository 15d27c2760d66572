import { createLoader } from '@oa/mechanisms';
import type { AuthorizationServer, Client, RequestOptions } from '@oa/types';
import { assertClient } from '@oa/types/rfc';
import { authenticationTarget } from './authenticate-client.ts';
import { exchangeBy, type AuthenticatedExchange, type AuthenticatedResponse } from './authenticated-exchange.ts';
import { proveMethod } from './methods.ts';
import type { AuthenticationOption } from './types.ts';

const loadOtherMethods = createLoader(() => import('./other-methods.ts'));

/**
 * Sends a request with the authentication of the client. Where the server did not recognise the client, it sends the request by the other
 * built-in methods that the server may accept, each once, and by none that can't help: the server has taken the method before, or says that
 * it does not know the client, or that the secret has expired. The method that worked is remembered for this process.
 *
 * A function as `authentication` is called for each request, and once more with the refusal of each.
 *
 * @param options `onEvent` receives `client_authentication_changed` where another method worked.
 * @returns what `exchange.read` returned
 * @throws {OAuthError} `unsupported_client_authentication`, or an error of the exchange. If the server refused the client by all methods,
 *   it is the error of the method that the server understood, else that of the first.
 * @throws {TypeError} if `client.client_id` is missing, or if `authentication` is neither a built-in method nor a function, or needs a
 *   secret and the client has none
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-2.3
 */
export async function sendAuthenticated<R extends AuthenticatedResponse, T>(
  server: AuthorizationServer,
  client: Client,
  exchange: AuthenticatedExchange<R, T>,
  options: { authentication?: AuthenticationOption | undefined; onEvent?: RequestOptions['onEvent'] } = {},
): Promise<T> {
  assertClient(client);
  const { url } = exchange;
  const target = authenticationTarget(server, client, url, options.authentication);
  const first = await exchangeBy(undefined, target, exchange);
  const isBuiltIn = first.authenticated.builtIn === true;
  if ('value' in first) {
    if (isBuiltIn) proveMethod(server, client, url, target.methods()[0]);
    return first.value;
  }
  if (!isBuiltIn) throw first.error;
  const { sendByOtherMethods } = await loadOtherMethods();
  return sendByOtherMethods(target, exchange, first, (method) =>
    options.onEvent?.({ type: 'client_authentication_changed', issuer: server.issuer, method }),
  );
}
