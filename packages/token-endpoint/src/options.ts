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
  /**
   * Values of `token_type` that count as Bearer although they have other names, such as `user` and `bot` of Slack. Upper and lower case
   * are alike. List a type only if the server documents that its tokens are used as Bearer tokens.
   *
   * @default none: a type with another name is `unsupported_token_type`
   */
  bearerTypes?: readonly string[] | undefined;
}
