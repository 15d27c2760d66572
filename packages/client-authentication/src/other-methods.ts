import type { AuthenticationTarget } from './authenticate-client.ts';
import {
  exchangeBy,
  type AuthenticatedExchange,
  type AuthenticatedResponse,
  type RefusedOutcome,
} from './authenticated-exchange.ts';
import { isClientRefused } from './client-refused.ts';
import { explainRefusal } from './explain-refusal.ts';
import { isMethodUnread, isWorthTrying, type MethodRefusal } from './method-refusal.ts';
import { rememberMethod, type BuiltInMethod } from './methods.ts';

/**
 * Sends a request by the built-in methods that can help after the refusal of the first one, each once. Only a refusal needs this module.
 *
 * @param first the refusal of the first of `target.methods()`
 * @param onChange is called where another method worked
 * @throws {OAuthError} the refusal
 */
export async function sendByOtherMethods<R extends AuthenticatedResponse, T>(
  target: AuthenticationTarget,
  exchange: AuthenticatedExchange<R, T>,
  first: RefusedOutcome<R>,
  onChange: (method: BuiltInMethod) => void,
): Promise<T> {
  const { server, client, url } = target;
  const { idempotent } = exchange;
  if (!isOtherMethodNeeded(first, idempotent)) throw first.error;
  const [chosen, ...others] = target.methods();
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
      onChange(method);
    }
    if ('value' in outcome) return outcome.value;
    throw outcome.error;
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
