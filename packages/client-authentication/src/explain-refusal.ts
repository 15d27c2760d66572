import { OAuthError, type AuthorizationServer, type Client } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { understandingOf, type MethodRefusal } from './method-refusal.ts';
import { functionsFor, supportedMethods, type BuiltInMethod } from './methods.ts';

const METHOD_TEXTS: Readonly<Record<BuiltInMethod, string>> = {
  client_secret_basic: 'client_secret_basic',
  client_secret_basic_unencoded: 'client_secret_basic without the form-encoding',
  client_secret_post: 'client_secret_post',
  none: 'none',
};

/**
 * Returns the error of the method that the server understood best, and of the first of several. If it is about the client, it says what to
 * check, and which methods were tried.
 */
export function explainRefusal(
  refusals: readonly MethodRefusal[],
  server: AuthorizationServer,
  client: Client,
): OAuthError {
  const [best] = refusals.toSorted((one, other) => understandingOf(other) - understandingOf(one));
  const { error } = best as MethodRefusal;
  // A bare 400 or 403 can be about anything, and may be from a gateway.
  if (error.code !== 'oauth_error' && error.status !== 401) return error;
  const methods = refusals.map(({ method }) => METHOD_TEXTS[method]).join(', then ');
  return new OAuthError(error.code, `${error.message} ${clientAdvice(server, client, methods)}`, error);
}

function clientAdvice(server: AuthorizationServer, client: Client, methods: string): string {
  const { issuer } = server;
  const { client_secret = '', client_secret_expires_at: expiresAt = 0 } = client;
  const place = `that the client is registered at ${toErrorText(issuer, 200)} (the right tenant or realm)`;
  if (client_secret === '')
    return `Check the client_id, whether this client needs a client_secret (if it comes from an environment variable, is the variable set?), and ${place}.${functionAdvice(server, client)}`;
  const expiry = expiresAt > 0 && expiresAt * 1000 < Date.now() ? ` It expired at ${toTime(expiresAt)}.` : '';
  const spaces = client_secret === client_secret.trim() ? '' : ' It starts or ends with a space or a line break.';
  return `Check the client_id, the client_secret (has it expired or been replaced?), and ${place}.${expiry}${spaces} The authentication method was ${methods}.`;
}

/** A client without a secret may be registered for a method that needs a key or a certificate. */
function functionAdvice(server: AuthorizationServer, { token_endpoint_auth_method: registered }: Client): string {
  const methods = registered === undefined ? (supportedMethods(server) ?? []) : [registered];
  const functions = functionsFor(methods);
  if (functions === '' || methods.includes('none')) return '';
  return ` If it has a key or a certificate, pass the option \`authentication\`: ${functions} of @oa/client-authentication.`;
}

/** `Date` throws for a number that is no time. */
function toTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace(/\.\d+/, '');
}
