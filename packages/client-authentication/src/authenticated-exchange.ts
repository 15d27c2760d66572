import { isOAuthError, type OAuthError } from '@oa/types';
import { authenticateWith, type AuthenticationTarget } from './authenticate-client.ts';
import type { BuiltInMethod } from './methods.ts';
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
  /** Sends the request with the headers and parameters of `authenticated`. */
  send: (authenticated: AuthenticatedRequest) => Promise<R>;
  /** Reads the response, and rejects with an `OAuthError` for a refusal. */
  read: (response: R, authenticated: AuthenticatedRequest) => Promise<T>;
}

/** The outcome of a request: a value, or the refusal of the server. */
export type AuthenticatedOutcome<R, T> = { value: T; authenticated: AuthenticatedRequest } | RefusedOutcome<R>;

/** The refusal of a server. */
export interface RefusedOutcome<R> {
  error: OAuthError;
  response: R;
  authenticated: AuthenticatedRequest;
}

/** Sends the request by one built-in method. Where it is refused, the function of the caller may send it again with another proof. */
export async function exchangeBy<R extends AuthenticatedResponse, T>(
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
    return { value: await exchange.read(response, authenticated), authenticated };
  } catch (error) {
    if (isOAuthError(error)) return { error, response, authenticated };
    throw error;
  }
}
