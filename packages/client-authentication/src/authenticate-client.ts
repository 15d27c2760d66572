import { toBase64 } from '@oa/mechanisms';
import type { AuthorizationServer, Client, RequestOptions, RequestParameters } from '@oa/types';
import { formEncode } from '@oa/types/rfc';
import { assertAuthentication, builtInMethods, type BuiltInMethod, type BuiltInMethods } from './methods.ts';
import type {
  AuthenticatedRequest,
  AuthenticationOption,
  AuthenticationRefusal,
  ClientAuthenticationMethod,
} from './types.ts';

/**
 * Makes the headers and parameters that authenticate a client, for a single request that the caller sends. `sendAuthenticated` also
 * tries other methods after a refusal.
 *
 * @param options `url` is where the request goes. The token endpoint is the default. `authentication` overrides the method that follows
 *   from the registration of the client and the metadata of the server. A function as `authentication` gets `signal` and `now`.
 * @returns what to add to the request. `url` and `fetch` are there if the request must go to another address, or by another function.
 * @throws {OAuthError} `unsupported_client_authentication`
 * @throws {TypeError} if `authentication` is neither a built-in method nor a function, or needs a secret and the client has none
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-2.3
 * @example
 * ```ts
 * const { headers, parameters } = await authenticateClient(server, client, { url: introspectionEndpoint });
 * await request('POST', introspectionEndpoint, { headers, form: { ...parameters, token } });
 * ```
 */
export async function authenticateClient(
  server: AuthorizationServer,
  client: Client,
  options: AuthenticationOptions & { url?: string | undefined } = {},
): Promise<
  { headers: Record<string, string>; parameters: RequestParameters } & Pick<AuthenticatedRequest, 'url' | 'fetch'>
> {
  const target = authenticationTarget(server, client, options.url ?? server.token_endpoint, options);
  const { headers = {}, parameters = {}, url, fetch } = (await authenticateWith(target)) ?? {};
  return { headers, parameters, url, fetch };
}

/** The options of a call that concern the authentication. */
export interface AuthenticationOptions extends Pick<RequestOptions, 'signal' | 'now'> {
  authentication?: AuthenticationOption | undefined;
}

/** Where a request goes, for which client, and how it is authenticated. */
export interface AuthenticationTarget extends AuthenticationOptions {
  server: AuthorizationServer;
  client: Client;
  url: string;
  /**
   * The built-in methods to try. Rejects where there is none, so it is called only where one is needed. The first call fixes them.
   *
   * @param chosen the method that the function of the caller names
   */
  methods: (chosen?: ClientAuthenticationMethod) => BuiltInMethods;
}

/** Checks the option `authentication`, and fixes the built-in methods for all requests of one call. */
export function authenticationTarget(
  server: AuthorizationServer,
  client: Client,
  url: string,
  { authentication, signal, now }: AuthenticationOptions,
): AuthenticationTarget {
  assertAuthentication(authentication);
  let methods: BuiltInMethods | undefined;
  return {
    server,
    client,
    url,
    authentication,
    signal,
    now,
    methods: (chosen) => (methods ??= builtInMethods(server, client, chosen ?? authentication)),
  };
}

/**
 * Authenticates one request: by a built-in method, by the function of the caller, or by both.
 *
 * @param method the built-in method. The first of `target.methods()` is the default.
 * @returns `undefined` where the function of the caller returned that
 */
export async function authenticateWith(
  target: AuthenticationTarget,
  method?: BuiltInMethod,
  refusal?: AuthenticationRefusal,
): Promise<AuthenticatedRequest | undefined> {
  const { server, client, url, authentication, signal, now } = target;
  const builtIn = (chosen?: ClientAuthenticationMethod): AuthenticatedRequest =>
    builtInAuthentication(method ?? target.methods(chosen)[0], client);
  if (typeof authentication !== 'function') return builtIn();
  const own = await authentication({ server, client, url, refusal, signal, now });
  if (!isBesideBuiltIn(own)) return own;
  const { headers, parameters } = builtIn(own.builtIn === true ? undefined : own.builtIn);
  return { ...own, headers: { ...headers, ...own.headers }, parameters: { ...parameters, ...own.parameters } };
}

/** Whether the request is also authenticated by a built-in method. */
export function isBesideBuiltIn(
  own: AuthenticatedRequest | undefined,
): own is AuthenticatedRequest & { builtIn: true | ClientAuthenticationMethod } {
  return own?.builtIn !== undefined && own.builtIn !== false;
}

/** RFC 6749 section 2.3: one method for each request. Section 3.2.1: a public client sends `client_id` in the body. */
function builtInAuthentication(method: BuiltInMethod, client: Client): AuthenticatedRequest {
  const { client_id, client_secret = '' } = client;
  if (method === 'none') return { builtIn: true, parameters: { client_id } };
  if (method === 'client_secret_post') return { builtIn: true, parameters: { client_id, client_secret } };
  // RFC 6749 section 2.3.1 and appendix B: id and secret are form-encoded before they are joined by a colon.
  const encode = method === 'client_secret_basic' ? formEncode : (text: string) => text;
  const credentials = new TextEncoder().encode(`${encode(client_id)}:${encode(client_secret)}`);
  return { builtIn: true, headers: { authorization: `Basic ${toBase64(credentials)}` } };
}
