import type { AuthorizationServer, Client, RequestOptions, RequestParameters } from '@oa/types';
import { methodOverride, methodsFor, type ChosenMethod, type Method } from './method.ts';

/** The options of a call to the token endpoint. */
export interface TokenEndpointOptions extends RequestOptions {
  /** How the client authenticates, where neither its registration nor the server's metadata says it right. */
  authentication?: ChosenMethod | ClientAuthentication;
}

/** What a client authentication method adds to a request. */
export interface AuthenticatedRequest {
  headers?: Record<string, string>;
  parameters?: RequestParameters;
  /** The token type that this method makes usable, besides Bearer: `DPoP`. */
  token_type?: string;
}

/**
 * Any other client authentication method, or proof of possession: `private_key_jwt` adds parameters, DPoP adds a header. It is asked
 * for each request, `url` being where that goes.
 *
 * If the server refuses, it is asked once more with `refusal`, and may return another proof (RFC 9449 section 8: with the server's nonce)
 * or `undefined` to accept the refusal.
 */
export type ClientAuthentication = (request: {
  server: AuthorizationServer;
  client: Client;
  url: string;
  refusal?: { status: number; headers: Headers; error?: string };
}) => AuthenticatedRequest | undefined | Promise<AuthenticatedRequest | undefined>;

/**
 * The headers and parameters that authenticate `client`, by the method that {@link requestToken} would use first. For other endpoints
 * with the same authentication, such as the device authorization endpoint (RFC 8628 section 3.1), `url` being theirs.
 *
 * Rejects with `unsupported_client_authentication`.
 */
export async function authenticateClient(
  server: AuthorizationServer,
  client: Client,
  options: TokenEndpointOptions & { url?: string } = {},
): Promise<{ headers: Record<string, string>; parameters: RequestParameters }> {
  const { authentication, url = server.token_endpoint } = options;
  const { headers = {}, parameters = {} } =
    typeof authentication === 'function'
      ? ((await authentication({ server, client, url })) ?? {})
      : authenticationBy(methodsFor(server, client, methodOverride(authentication))[0], client);
  return { headers, parameters };
}

/** One method, never two (RFC 6749 section 2.3). A public client says who it is in the body (section 3.2.1). */
export function authenticationBy(method: Method, client: Client): AuthenticatedRequest {
  const { client_id, client_secret = '' } = client;
  if (method === 'none') return { parameters: { client_id } };
  if (method === 'client_secret_post') return { parameters: { client_id, client_secret } };
  const encode = method === 'client_secret_basic' ? formEncoded : (text: string) => text;
  return { headers: { authorization: `Basic ${base64(`${encode(client_id)}:${encode(client_secret)}`)}` } };
}

/** RFC 6749 section 2.3.1 and appendix B: id and secret are form-urlencoded before they are joined by a colon. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/** The base64 of the text's UTF-8 bytes. */
function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));
}
