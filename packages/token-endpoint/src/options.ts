import type { AuthenticationOption } from '@oa/client-authentication';
import type { RequestOptions } from '@oa/types';

/** The options of a call to the token endpoint. */
export interface TokenEndpointOptions extends RequestOptions {
  /**
   * How the client authenticates: a built-in method, or a function for any other.
   *
   * @default the method that follows from the registration of the client and the metadata of the server
   */
  authentication?: AuthenticationOption | undefined;
}
