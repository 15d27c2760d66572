import { sendAuthenticated, type AuthenticationOption } from '@oa/client-authentication';
import { readJson, request } from '@oa/http';
import type { AuthorizationServer, Client, RequestOptions, RequestParameters, TokenResponse } from '@oa/types';
import { tokenResponseSchema } from '@oa/types/schemas';

/** Posts a token request, as `@oa/token-endpoint` does, which this package does not depend on. */
export async function postGrant(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: RequestOptions & { authentication?: AuthenticationOption | undefined } = {},
): Promise<TokenResponse> {
  const url = server.token_endpoint;
  const idempotent = parameters['grant_type'] === 'client_credentials';
  return sendAuthenticated(
    server,
    client,
    {
      url,
      idempotent,
      send: ({ headers, parameters: added }) =>
        request('POST', url, { ...options, headers, form: { ...parameters, ...added }, idempotent }),
      read: (response) => readJson(response, tokenResponseSchema),
    },
    options,
  );
}
