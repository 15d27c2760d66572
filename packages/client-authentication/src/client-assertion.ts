import type { AssertionSource } from '@oa/types';
import { UNSET_QUESTION } from '@oa/types/rfc';
import { lazyAuthentication } from './lazy.ts';
import type { ClientAuthentication } from './types.ts';

/**
 * Authenticates a client with an assertion of a third party, such as the token of a Kubernetes service account or of a CI job. Pass the
 * result as the option `authentication`.
 *
 * The source is asked for each request. If the server refuses the client, it is asked once more with the refused assertion (`rejected`), and
 * the request is sent again only with another one.
 *
 * @param source a source of `@oa/workload-identity`, a function of your own, or the assertion itself
 * @param options `type` is the type of the assertion. The default is a JWT, `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
 * @throws {TypeError} if an argument is wrong
 * @see https://www.rfc-editor.org/rfc/rfc7521#section-4.2
 * @example
 * ```ts
 * const authentication = clientAssertion(fileToken('/var/run/secrets/tokens/as.example'));
 * const token = await clientCredentials(server, { client_id }, { scope: 'read' }, { authentication });
 * ```
 */
export function clientAssertion(
  source: AssertionSource | string,
  options: { type?: string | undefined } = {},
): ClientAuthentication {
  if (typeof source !== 'function' && (typeof source !== 'string' || source === ''))
    throw new TypeError(`The assertion must be a non-empty string, or a function that returns one. ${UNSET_QUESTION}`);
  const { type } = options;
  if (type !== undefined && (typeof type !== 'string' || !URL.canParse(type)))
    throw new TypeError('options.type must be an absolute URI (RFC 7521 section 4.2).');
  return lazyAuthentication(({ createSourceAssertion }) => createSourceAssertion(source, type));
}
