import { OAuthError, type RequestOptions } from '@oa/types';
import type { AuthenticationTarget } from './authenticate-client.ts';
import { isClientRefused } from './refusal.ts';
import { explainRefusal } from './explain-refusal.ts';
import { isMethodUnread, isWorthTrying, type MethodRefusal } from './method-refusal.ts';
import { rememberMethod, type BuiltInMethod } from './methods.ts';
import {
  exchangeBy,
  type AuthenticatedExchange,
  type AuthenticatedOutcome,
  type AuthenticatedResponse,
  type RefusedOutcome,
} from './send-authenticated.ts';

/**
 * Sends the request by the other built-in methods, after a refusal of the first.
 *
 * @returns what `exchange.read` returned
 * @throws {OAuthError} the error of the exchange. If it is about the client, it says what to check.
 */
export async function afterRefusal<R extends AuthenticatedResponse, T>(
  first: RefusedOutcome<R>,
  target: AuthenticationTarget,
  exchange: AuthenticatedExchange<R, T>,
  onEvent: RequestOptions['onEvent'],
): Promise<T> {
  const { server, client, url } = target;
  const { idempotent } = exchange;
  const [chosen, ...others] = first.authenticated.builtIn === true ? target.methods() : [];
  if (chosen === undefined || !isOtherMethodNeeded(first, idempotent)) return unwrapOutcome(first, idempotent);
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
      onEvent?.({ type: 'client_authentication_changed', issuer: server.issuer, method });
    }
    return unwrapOutcome(outcome, idempotent);
  }
  throw explainRefusal(refusals, server, client);
}

/** Whether the server did not recognise the client, or did not read the method. */
function isOtherMethodNeeded<R extends AuthenticatedResponse>(
  { error, response, authenticated }: RefusedOutcome<R>,
  idempotent: boolean,
): boolean {
  if (authenticated.builtIn !== true) return false;
  return isClientRefused(error, idempotent) || isMethodUnread(error, response.text);
}

function toMethodRefusal<R extends AuthenticatedResponse>(
  method: BuiltInMethod,
  { error, response }: RefusedOutcome<R>,
): MethodRefusal {
  return { method, error, body: response.text };
}

function unwrapOutcome<R, T>(outcome: AuthenticatedOutcome<R, T>, idempotent: boolean): T {
  if ('value' in outcome) return outcome.value;
  const { error, authenticated } = outcome;
  const { advice } = authenticated;
  // A bare 400 or 403 can be about anything, and may be from a gateway.
  const isAboutClient = error.code === 'oauth_error' && isClientRefused(error, idempotent);
  throw advice === undefined || !isAboutClient
    ? error
    : new OAuthError(error.code, `${error.message} ${advice}`, error);
}
