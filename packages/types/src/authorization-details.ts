import type { AuthorizationServer, RequestParameters } from './metadata.ts';
import { OAuthError } from './oauth-error.ts';
import { toErrorText } from './rfc.ts';

const MAX_SHOWN_TYPES_CHARACTERS = 300;

/**
 * Refuses the parameter `authorization_details` if it has a type that the server does not list. A server that lists none may support them
 * all.
 *
 * @param parameters those of an authorization, device authorization or token request
 * @throws {OAuthError} `authorization_details_unsupported`
 * @throws {TypeError} if the parameter is not the JSON of an array of objects with a `type`
 * @see https://www.rfc-editor.org/rfc/rfc9396#section-10
 */
export function assertDetailsSupported(server: AuthorizationServer, parameters: RequestParameters): void {
  const { authorization_details } = parameters;
  if (authorization_details === undefined) return;
  const types = typesOfDetails(String(authorization_details));
  if (types === undefined)
    throw new TypeError(
      'The parameter authorization_details must be the JSON of an array of objects with a type (RFC 9396 section 2).',
    );
  const { issuer, authorization_details_types_supported: listed } = server;
  if (!listed) return;
  // Metadata of the caller may have a text in place of the list.
  const supported = [listed].flat();
  const unknown = types.find((type) => !supported.includes(type));
  if (unknown === undefined) return;
  throw new OAuthError(
    'authorization_details_unsupported',
    `${toErrorText(issuer, MAX_SHOWN_TYPES_CHARACTERS)} does not list the type ${toErrorText(unknown, MAX_SHOWN_TYPES_CHARACTERS)} of authorization_details. It lists ${toErrorText(supported.join(', '), MAX_SHOWN_TYPES_CHARACTERS) || 'none'}. Use one of these types.`,
  );
}

/** The types, `undefined` if `text` is something else. */
function typesOfDetails(text: string): string[] | undefined {
  try {
    const details: unknown = JSON.parse(text);
    if (!Array.isArray(details)) return undefined;
    const types = details.map((detail: unknown) => (detail as { type?: unknown } | null)?.type);
    return types.every((type) => typeof type === 'string' && type !== '') ? (types as string[]) : undefined;
  } catch {
    return undefined;
  }
}
