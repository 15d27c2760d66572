import type { TokenEndpointOptions } from '@oa/token-endpoint';
import type { AuthorizationServer, Client, RequestParameters, Token } from '@oa/types';

/** What a {@link Grant} needs for its request. */
export interface GrantRequest {
  server: AuthorizationServer;
  client: Client;
  /** `scope`, `resource`, `audience` and the `parameters` of the credentials. */
  parameters: RequestParameters;
  /** The options for `requestToken` of `@oa/token-endpoint`: the signal of the caller, and how the client authenticates. */
  options: TokenEndpointOptions;
}

/**
 * Makes a grant that is not built in. It rejects with an `OAuthError`, or with the reason of the signal.
 *
 * @example
 * const grant: Grant = ({ server, client, parameters, options }) =>
 *   requestToken(server, client, { ...parameters, grant_type: 'urn:example:grant', code: readCode() }, options);
 */
export type Grant = (request: GrantRequest) => Promise<Token>;
