import type { AuthorizationServer, Client, RequestOptions, RequestParameters } from '@oa/types';

/**
 * A client authentication method that is built in, by its registered name.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-2
 */
export type ClientAuthenticationMethod = 'client_secret_basic' | 'client_secret_post' | 'none';

/** The option `authentication`: a built-in method, or a function for any other. */
export type AuthenticationOption = ClientAuthenticationMethod | ClientAuthentication;

/**
 * Authenticates a client by any other method, or adds a proof of possession: `private_key_jwt` sends parameters, DPoP sends a header.
 * It is called for each request, also for one that is sent again after a failure of the network, since an assertion or a proof is valid
 * once.
 *
 * After a refusal it is called once more, with `refusal`. It then returns another proof, for example with the nonce of the server, or
 * `undefined` to accept the refusal.
 *
 * @param request `url` is where the request goes. `signal` and `now` are those of the call.
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-2.2
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-8
 */
export type ClientAuthentication = (request: {
  server: AuthorizationServer;
  client: Client;
  url: string;
  refusal?: AuthenticationRefusal | undefined;
  signal?: RequestOptions['signal'];
  now?: RequestOptions['now'];
}) => AuthenticatedRequest | undefined | Promise<AuthenticatedRequest | undefined>;

/** A refused request, for the {@link ClientAuthentication} that authenticated it. */
export interface AuthenticationRefusal {
  /** The HTTP status. */
  status: number;
  headers: Headers;
  /** The error code of the server. */
  error?: string | undefined;
  /** What authenticated the refused request. */
  authenticated?: AuthenticatedRequest | undefined;
}

/** What authenticates a request. */
export interface AuthenticatedRequest {
  headers?: Record<string, string> | undefined;
  parameters?: RequestParameters | undefined;
  /** Where the request goes instead, such as the endpoint for clients with a certificate. */
  url?: string | undefined;
  /** The function that sends the request instead, such as one with a certificate. */
  fetch?: RequestOptions['fetch'];
  /** What to check if the server does not recognise the client: sentences for the message of the error. */
  advice?: string | undefined;
  /** The token type that this makes usable, besides Bearer: `DPoP`. */
  token_type?: string | undefined;
  /**
   * `true` sends this besides the built-in method, for example a DPoP proof beside a client secret. The name of a method sends it besides that
   * one. Otherwise this replaces the built-in method.
   *
   * @default false
   */
  builtIn?: boolean | ClientAuthenticationMethod | undefined;
  /** Receives the answer to the request, whatever its status. A server can give a nonce for the next request with a success too. */
  onResponse?: ((response: Pick<AuthenticationRefusal, 'status' | 'headers'>) => void) | undefined;
}
