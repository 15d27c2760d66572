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
      send: ({ headers, parameters: added, url: other = url, fetch = options.fetch }, renew) =>
        request('POST', other, { ...options, fetch, headers, form: { ...parameters, ...added }, idempotent, renew }),
      read: (response) => readJson(response, tokenResponseSchema),
    },
    options,
  );
}
