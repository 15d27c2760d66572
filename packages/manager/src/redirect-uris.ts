import { parseLoopbackUri } from '@oa/types/rfc';

/**
 * Rejects redirect URIs that no login on this machine can receive an answer on.
 *
 * @param name what has the redirect URIs, for the error
 * @throws {TypeError} that names the value
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export function assertRedirectUris(
  redirect_uris: unknown,
  client_id: string | undefined,
  name: string = 'credentials',
): void {
  if (redirect_uris === undefined) return;
  if (!Array.isArray(redirect_uris) || redirect_uris.length === 0)
    throw new TypeError(
      `${name}.redirect_uris must be a non-empty array of the redirect URIs that the client is registered with, such as ['http://localhost'], not ${quoteValue(redirect_uris)}.`,
    );
  for (const uri of redirect_uris as unknown[])
    if (typeof uri !== 'string' || parseLoopbackUri(uri) === undefined)
      throw new TypeError(
        `${name}.redirect_uris has ${quoteValue(uri)}, which is no loopback http URI (RFC 8252 section 7.3). ` +
          'Use http with 127.0.0.1, [::1] or localhost, a port from 1 to 65535 or none, and a path or none, such as http://127.0.0.1:8400/callback.',
      );
  if (client_id === undefined)
    throw new TypeError(
      'credentials.client_id is missing: credentials.redirect_uris belong to a client that was registered by hand. ' +
        'For a client that is registered dynamically, set registration.redirect_uris of the manager.',
    );
}

function quoteValue(value: unknown): string {
  return typeof value === 'string' || Array.isArray(value) ? JSON.stringify(value) : String(value);
}
