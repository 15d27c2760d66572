import type { RequestOptions } from '@oa/types';
import type { ClientAuthentication } from './types.ts';

/**
 * Authenticates a client with the certificate of the connection: `tls_client_auth` and `self_signed_tls_client_auth`. Pass the result as
 * the option `authentication`.
 *
 * The body has `client_id`. The request goes to the endpoint of `mtls_endpoint_aliases`, where the metadata has one for it.
 *
 * @param options `fetch` presents the certificate, since a program has no other way to choose one. It sends the authenticated requests, and
 *   the option `fetch` of the call sends all others.
 * @throws {TypeError} if `options.fetch` is missing
 * @see https://www.rfc-editor.org/rfc/rfc8705#section-2
 * @see https://www.rfc-editor.org/rfc/rfc8705#section-5
 * @example
 * ```ts
 * import { Agent, fetch } from 'undici';
 *
 * const dispatcher = new Agent({ connect: { cert, key } });
 * const authentication = tlsClientAuth({ fetch: (url, init) => fetch(url, { ...init, dispatcher }) });
 * ```
 */
export function tlsClientAuth(options: { fetch: NonNullable<RequestOptions['fetch']> }): ClientAuthentication {
  const fetch = options?.fetch;
  if (typeof fetch !== 'function')
    throw new TypeError('options.fetch must be a function that sends a request with the certificate of the client.');
  return ({ server, client, url, refusal }) => {
    if (refusal !== undefined) return undefined;
    const aliases: Record<string, unknown> = server.mtls_endpoint_aliases ?? {};
    const name = Object.keys(aliases).find((each) => server[each] === url);
    const alias = name === undefined ? undefined : aliases[name];
    return {
      fetch,
      url: typeof alias === 'string' ? alias : url,
      parameters: { client_id: client.client_id },
      advice:
        'Check that the option `fetch` of tlsClientAuth presents the certificate that is registered for the client.',
    };
  };
}
