import { createLoader } from '@oa/mechanisms';
import { isOAuthError, type AuthorizationServer, type Client, type OAuthError, type RequestOptions } from '@oa/types';
import { assertClient } from '@oa/types/rfc';
import {
  authenticateWith,
  authenticationTarget,
  isBesideBuiltIn,
  type AuthenticationOptions,
  type AuthenticationTarget,
} from './authenticate-client.ts';
import { proveMethod, type BuiltInMethod } from './methods.ts';
import type { AuthenticatedRequest, AuthenticationRefusal } from './types.ts';

/** What a {@link ClientAuthentication} learns of a response. */
export type AuthenticatedResponse = Pick<AuthenticationRefusal, 'status' | 'headers'> & {
  /** The body, where the caller has it: a server can say there what it misses, without an OAuth error. */
  text?: string | undefined;
};

/** A request to an endpoint that authenticates clients, for {@link sendAuthenticated}. */
export interface AuthenticatedExchange<R extends AuthenticatedResponse, T> {
  /** Where the request goes. */
  url: string;
  /** Whether the server may get the request twice: `false` where it holds a code or a token that works once. */
  idempotent: boolean;
  /**
   * Sends the request with the headers and parameters of `authenticated`, to its `url` and with its `fetch` where it has them. `renew` makes
   * another authentication for each further attempt after a failure of the network, since a server may accept an assertion once. It is
   * `undefined` where the same can be sent again.
   */
  send: (authenticated: AuthenticatedRequest, renew?: () => Promise<AuthenticatedRequest>) => Promise<R>;
  /** Reads the response, and rejects with an `OAuthError` for a refusal. */
  read: (response: R, authenticated: AuthenticatedRequest) => Promise<T>;
}

/** The outcome of a request: a value, or the refusal of the server. */
export type AuthenticatedOutcome<R, T> = { value: T; authenticated: AuthenticatedRequest } | RefusedOutcome<R>;

/** A refusal of the server. */
export interface RefusedOutcome<R> {
  error: OAuthError;
  response: R;
  authenticated: AuthenticatedRequest;
}

const loadRefusals = createLoader(() => import('./refused.ts'));

/**
 * Sends a request with the authentication of the client. Where the server did not recognise the client, it sends the request by the other
 * built-in methods that the server may accept, each once, and by none that can't help: the server has taken the method before, or says that
 * it does not know the client, or that the secret has expired. The method that worked is remembered for this process.
 *
 * A function as `authentication` is called for each request, and once more with the refusal of each.
 *
 * @param options `onEvent` receives `client_authentication_changed` where another method worked. A function as `authentication` gets
 *   `signal` and `now`.
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
  options: AuthenticationOptions & Pick<RequestOptions, 'onEvent'> = {},
): Promise<T> {
  assertClient(client);
  const target = authenticationTarget(server, client, exchange.url, options);
  const outcome = await exchangeBy(undefined, target, exchange);
  if (!('value' in outcome)) return (await loadRefusals()).afterRefusal(outcome, target, exchange, options.onEvent);
  if (isBesideBuiltIn(outcome.authenticated)) proveMethod(server, client, exchange.url, target.methods()[0]);
  return outcome.value;
}

/** Sends the request by one built-in method. Where it is refused, the function of the caller may send it again with another proof. */
export async function exchangeBy<R extends AuthenticatedResponse, T>(
  method: BuiltInMethod | undefined,
  target: AuthenticationTarget,
  exchange: AuthenticatedExchange<R, T>,
): Promise<AuthenticatedOutcome<R, T>> {
  const isOwn = typeof target.authentication === 'function';
  const authenticate = async (): Promise<AuthenticatedRequest> => (await authenticateWith(target, method)) ?? {};
  const renew = isOwn ? authenticate : undefined;
  const outcome = await exchangeOnce(await authenticate(), exchange, renew);
  if ('value' in outcome || !isOwn) return outcome;
  const { response, error, authenticated } = outcome;
  const { status, headers } = response;
  const again = await authenticateWith(target, method, { status, headers, error: error.error, authenticated });
  return again === undefined ? outcome : exchangeOnce(again, exchange, renew);
}

async function exchangeOnce<R extends AuthenticatedResponse, T>(
  first: AuthenticatedRequest,
  exchange: AuthenticatedExchange<R, T>,
  renew: (() => Promise<AuthenticatedRequest>) | undefined,
): Promise<AuthenticatedOutcome<R, T>> {
  let authenticated = first;
  const response = await exchange.send(first, renew && (async () => (authenticated = await renew())));
  authenticated.onResponse?.(response);
  try {
    return { value: await exchange.read(response, authenticated), authenticated };
  } catch (error) {
    if (isOAuthError(error)) return { error, response, authenticated };
    throw error;
  }
}
