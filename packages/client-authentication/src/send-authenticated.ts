import { isOAuthError, type AuthorizationServer, type Client, type OAuthError, type RequestOptions } from '@oa/types';
import { assertClient } from '@oa/types/rfc';
import { authenticateWith, authenticationTarget, type AuthenticationTarget } from './authenticate-client.ts';
import { isClientRefused } from './client-refused.ts';
import { isWorthTrying, rememberMethod, type BuiltInMethod } from './methods.ts';
import type { AuthenticatedRequest, AuthenticationOption, AuthenticationRefusal } from './types.ts';

/** What a {@link ClientAuthentication} learns of a response. */
type AuthenticatedResponse = Pick<AuthenticationRefusal, 'status' | 'headers'>;

/** A request to an endpoint that authenticates clients, for {@link sendAuthenticated}. */
export interface AuthenticatedExchange<R extends AuthenticatedResponse, T> {
  /** Where the request goes. */
  url: string;
  /** Whether the server may get the request twice: `false` where it holds a code or a token that works once. */
  idempotent: boolean;
  /** Sends the request with the headers and parameters of `authenticated`. */
  send: (authenticated: AuthenticatedRequest) => Promise<R>;
  /** Reads the response, and throws an `OAuthError` for a refusal. */
  read: (response: R, authenticated: AuthenticatedRequest) => T;
}

/** The outcome of a request: a value, or the refusal of the server. */
type AuthenticatedOutcome<R, T> =
  | { value: T }
  | { error: OAuthError; response: R; authenticated: AuthenticatedRequest };

/**
 * Sends a request with the authentication of the client. Where the server did not recognise the client, it sends the request by the other
 * built-in methods that the server may accept, each once. The method that worked is remembered for this process.
 *
 * A function as `authentication` is called for each request, and once more with the refusal of each.
 *
 * @param options `onEvent` receives `client_authentication_changed` where another method worked.
 * @returns what `exchange.read` returned
 * @throws {OAuthError} `unsupported_client_authentication`, or an error of the exchange. If the server refused the client by all methods,
 *   it is the error of the first.
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
  const target = authenticationTarget(server, client, exchange.url, options.authentication);
  const isRefused = (outcome: AuthenticatedOutcome<R, T>): boolean =>
    'error' in outcome && outcome.authenticated.builtIn === true && isClientRefused(outcome.error, exchange.idempotent);

  const first = await exchangeBy(undefined, target, exchange);
  if ('value' in first || !isRefused(first)) return unwrapOutcome(first);
  for (const method of target.methods().slice(1)) {
    if (!isWorthTrying(method, first.error, server, client)) continue;
    const outcome = await exchangeBy(method, target, exchange);
    if (isRefused(outcome)) continue;
    if ('value' in outcome || outcome.error.code === 'oauth_error') {
      rememberMethod(server, client, method);
      options.onEvent?.({ type: 'client_authentication_changed', issuer: server.issuer, method });
    }
    return unwrapOutcome(outcome);
  }
  return unwrapOutcome(first);
}

/** Sends the request by one built-in method. Where it is refused, the function of the caller may send it again with another proof. */
async function exchangeBy<R extends AuthenticatedResponse, T>(
  method: BuiltInMethod | undefined,
  target: AuthenticationTarget,
  exchange: AuthenticatedExchange<R, T>,
): Promise<AuthenticatedOutcome<R, T>> {
  const outcome = await exchangeOnce((await authenticateWith(target, method)) ?? {}, exchange);
  if ('value' in outcome || typeof target.authentication !== 'function') return outcome;
  const { status, headers } = outcome.response;
  const again = await authenticateWith(target, method, { status, headers, error: outcome.error.error });
  return again === undefined ? outcome : exchangeOnce(again, exchange);
}

async function exchangeOnce<R extends AuthenticatedResponse, T>(
  authenticated: AuthenticatedRequest,
  exchange: AuthenticatedExchange<R, T>,
): Promise<AuthenticatedOutcome<R, T>> {
  const response = await exchange.send(authenticated);
  try {
    return { value: exchange.read(response, authenticated) };
  } catch (error) {
    if (isOAuthError(error)) return { error, response, authenticated };
    throw error;
  }
}

function unwrapOutcome<R, T>(outcome: AuthenticatedOutcome<R, T>): T {
  if ('value' in outcome) return outcome.value;
  throw outcome.error;
}
