import type { TokenEndpointOptions } from '@oa/token-endpoint';
import type { Client } from '@oa/types';
import { assertClient } from '@oa/types/rfc';

type Authentication = TokenEndpointOptions['authentication'];

/** Stands for no client. It is never sent. */
const NO_CLIENT: Client = { client_id: 'none' };

/**
 * Chooses what names the client in a request. Without a client, the assertion is all that the server gets, besides what a function as
 * `authentication` adds, such as a DPoP proof.
 *
 * @throws {TypeError} if the client has no identifier, or if `authentication` needs a client and there is none
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-3.1
 */
export function toRequestClient(
  client: Client | undefined,
  authentication: Authentication,
): { client: Client; authentication: Authentication } {
  if (client !== undefined) {
    assertClient(client);
    return { client, authentication };
  }
  if (authentication !== undefined && typeof authentication !== 'function')
    throw new TypeError(
      'The option `authentication` names a method, and there is no client that could use it. Pass the client, or leave the option out.',
    );
  return {
    client: NO_CLIENT,
    authentication: async (request) => {
      if (authentication === undefined) return request.refusal === undefined ? {} : undefined;
      const own = await authentication(request);
      return own && { ...own, builtIn: false };
    },
  };
}
