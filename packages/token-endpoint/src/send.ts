import { request, type HttpResponse } from '@oa/http';
import {
  isOAuthError,
  type AuthorizationServer,
  type Client,
  type OAuthError,
  type RequestParameters,
} from '@oa/types';
import {
  authenticationBy,
  type AuthenticatedRequest,
  type ClientAuthentication,
  type TokenEndpointOptions,
} from '@oa/client-authentication';
import { isWorthTrying, methodOverride, methodsFor, remember, type Method } from '@oa/client-authentication';

/** An authenticated request to be sent to `url`. */
export interface Call {
  server: AuthorizationServer;
  client: Client;
  url: string;
  parameters: RequestParameters;
  options: TokenEndpointOptions;
  /** Whether the server may get it twice: false where the parameters hold something that works once. */
  repeatable: boolean;
}

/** Makes something of an answer, or throws what it says. */
export type Reader<T> = (response: HttpResponse, authenticated: AuthenticatedRequest) => T;

/** What an attempt came to: a value, or the server's refusal. */
type Attempt<T> = { value: T } | { error: OAuthError; response: HttpResponse };

/** Sends `call` with the client's authentication, the next way where the server did not understand the first. */
export async function send<T>(call: Call, read: Reader<T>): Promise<T> {
  const { client, options } = call;
  if (typeof client?.client_id !== 'string' || client.client_id === '')
    throw new TypeError('client.client_id must be a string that is not empty');
  const { authentication } = options;
  const within = patience(options.timeout);
  return typeof authentication === 'function'
    ? sendWithHook(call, authentication, within, read)
    : sendWithMethods(call, within, read);
}

async function sendWithMethods<T>(call: Call, within: () => number | undefined, read: Reader<T>): Promise<T> {
  const { server, client, options } = call;
  const [method, ...others] = methodsFor(server, client, methodOverride(options.authentication));
  const first = await post(call, authenticationBy(method, client), within(), read);
  if ('value' in first || !isClientRefused(first.error, call.repeatable)) return settle(first);
  for (const other of others) {
    if (!isWorthTrying(other, first.error, server, client)) continue;
    const attempt = await post(call, authenticationBy(other, client), within(), read);
    if ('error' in attempt && isClientRefused(attempt.error, call.repeatable)) continue;
    if ('value' in attempt || attempt.error.code === 'oauth_error') announce(call, other);
    return settle(attempt);
  }
  return settle(first);
}

async function sendWithHook<T>(
  call: Call,
  hook: ClientAuthentication,
  within: () => number | undefined,
  read: Reader<T>,
): Promise<T> {
  const { server, client, url } = call;
  const attempt = await post(call, (await hook({ server, client, url })) ?? {}, within(), read);
  if ('value' in attempt) return attempt.value;
  const { status, headers } = attempt.response;
  const { error } = attempt.error;
  const refusal = { status, headers, ...(error === undefined ? {} : { error }) };
  const again = await hook({ server, client, url, refusal });
  return settle(again === undefined ? attempt : await post(call, again, within(), read));
}

async function post<T>(
  call: Call,
  authenticated: AuthenticatedRequest,
  timeout: number | undefined,
  read: Reader<T>,
): Promise<Attempt<T>> {
  const { timeout: _, ...options } = call.options;
  const response = await request('POST', call.url, {
    ...options,
    ...(timeout === undefined ? {} : { timeout }),
    headers: authenticated.headers ?? {},
    form: { ...call.parameters, ...authenticated.parameters },
    idempotent: call.repeatable,
  });
  try {
    return { value: read(response, authenticated) };
  } catch (error) {
    if (isOAuthError(error)) return { error, response };
    throw error;
  }
}

function settle<T>(attempt: Attempt<T>): T {
  if ('value' in attempt) return attempt.value;
  throw attempt.error;
}

function announce({ server, client, options }: Call, method: Method): void {
  remember(server, client, method);
  options.onEvent?.({ type: 'client_authentication_changed', issuer: server.issuer, method });
}

/**
 * Whether the server did not recognise the client. Then it has not looked at the grant yet (RFC 6749 sections 4.1.3 and 6 authenticate
 * first), so that even a code or a refresh token can be sent again, if the server says so in words. Where nothing is used up, a 401,
 * and a 400 or 403 without an OAuth error, are enough.
 */
export function isClientRefused(error: OAuthError, repeatable: boolean): boolean {
  const { code, status, error: said } = error;
  if (said === 'invalid_client') return true;
  if (said === 'invalid_request') return /client_(id|secret)/i.test(error.error_description ?? '');
  // Keycloak's answer to a wrong secret.
  if (said === 'unauthorized_client') return status === 401;
  if (!repeatable) return false;
  return (status === 401 && said !== 'invalid_grant') || (code === 'http_error' && (status === 400 || status === 403));
}

/** All attempts together have the caller's timeout. */
function patience(timeout: number | undefined): () => number | undefined {
  if (timeout === undefined) return () => undefined;
  const end = performance.now() + timeout;
  return () => (timeout > 0 ? Math.max(1, end - performance.now()) : timeout);
}
