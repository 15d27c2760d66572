import { isOAuthError, type AuthorizationServer, type Client, type OAuthError, type RequestOptions } from '@oa/types';
import { assertClient } from '@oa/types/rfc';
import {
  authenticateWith,
  authenticationTarget,
  isBesideBuiltIn,
  type AuthenticationTarget,
} from './authenticate-client.ts';
import { isClientRefused } from './client-refused.ts';
import { explainRefusal } from './explain-refusal.ts';
import { isMethodUnread, isWorthTrying, type MethodRefusal } from './method-refusal.ts';
import { proveMethod, rememberMethod, type BuiltInMethod } from './methods.ts';
import type { AuthenticatedRequest, AuthenticationOption, AuthenticationRefusal } from './types.ts';

/** What a {@link ClientAuthentication} learns of a response. */
type AuthenticatedResponse = Pick<AuthenticationRefusal, 'status' | 'headers'> & {
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
   * Sends the request with the headers and parameters of `authenticated`. `renew` makes others for each further attempt, after a failure of
   * the network for example: an assertion or a proof is valid once. It is absent for the built-in methods, which send the same each time.
   */
  send: (authenticated: AuthenticatedRequest, renew?: () => Promise<AuthenticatedRequest>) => Promise<R>;
  /** Reads the response, and throws an `OAuthError` for a refusal. */
  read: (response: R, authenticated: AuthenticatedRequest) => T;
}

/** The outcome of a request: a value, or the refusal of the server. */
type AuthenticatedOutcome<R, T> = { value: T; authenticated: AuthenticatedRequest } | RefusedOutcome<R>;

interface RefusedOutcome<R> {
  error: OAuthError;
  response: R;
  authenticated: AuthenticatedRequest;
}

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
  const { url, idempotent } = exchange;
  const target = authenticationTarget(server, client, url, options.authentication);
  const first = await exchangeBy(undefined, target, exchange);
  const methods = isBesideBuiltIn(first.authenticated) ? target.methods() : [];
  const [chosen, ...others] = methods;
  if ('value' in first && chosen !== undefined) proveMethod(server, client, url, chosen);
  if ('value' in first || chosen === undefined || !isOtherMethodNeeded(first, idempotent)) return unwrapOutcome(first);
  const refusals = [toMethodRefusal(chosen, first)];
  for (const method of others) {
    if (!isWorthTrying(method, refusals, target)) continue;
    const outcome = await exchangeBy(method, target, exchange);
    if (!('value' in outcome) && isOtherMethodNeeded(outcome, idempotent)) {
      refusals.push(toMethodRefusal(method, outcome));
      continue;
    }
    if ('value' in outcome || outcome.error.code === 'oauth_error') {
      rememberMethod(server, client, url, method);
      options.onEvent?.({ type: 'client_authentication_changed', issuer: server.issuer, method });
    }
    return unwrapOutcome(outcome);
  }
  throw explainRefusal(refusals, server, client);
}

/** Whether the server did not recognise the client, or did not read the method. */
function isOtherMethodNeeded<R extends AuthenticatedResponse>(
  { error, response, authenticated }: RefusedOutcome<R>,
  idempotent: boolean,
): boolean {
  if (!isBesideBuiltIn(authenticated)) return false;
  return isClientRefused(error, idempotent) || isMethodUnread(error, response.text);
}

function toMethodRefusal<R extends AuthenticatedResponse>(
  method: BuiltInMethod,
  { error, response }: RefusedOutcome<R>,
): MethodRefusal {
  return { method, error, body: response.text };
}

/** Sends the request by one built-in method. Where it is refused, the function of the caller may send it again with another proof. */
async function exchangeBy<R extends AuthenticatedResponse, T>(
  method: BuiltInMethod | undefined,
  target: AuthenticationTarget,
  exchange: AuthenticatedExchange<R, T>,
): Promise<AuthenticatedOutcome<R, T>> {
  const authenticate = async (): Promise<AuthenticatedRequest> => (await authenticateWith(target, method)) ?? {};
  const isOwn = typeof target.authentication === 'function';
  const renew = isOwn ? authenticate : undefined;
  const outcome = await exchangeOnce(await authenticate(), exchange, renew);
  if ('value' in outcome || !isOwn) return outcome;
  const { error, response, authenticated } = outcome;
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
    return { value: exchange.read(response, authenticated), authenticated };
  } catch (error) {
    if (isOAuthError(error)) return { error, response, authenticated };
    throw error;
  }
}

function unwrapOutcome<R, T>(outcome: AuthenticatedOutcome<R, T>): T {
  if ('value' in outcome) return outcome.value;
  throw outcome.error;
}
