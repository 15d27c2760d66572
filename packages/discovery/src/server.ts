import { readJson, type HttpResponse } from '@oa/http';
import { isSecureUrl, OAuthError, type AuthorizationServer, type RequestOptions } from '@oa/types';
import { isIssuer, issuerUrl, shown } from './issuer.ts';
import { lifetimeOf } from './lifetime.ts';
import { firstUseful, serverMetadataUrls } from './well-known.ts';

/** The members that requests with secrets, or the person's browser, are sent to. */
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'device_authorization_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
] as const;

/** A document, and the seconds for which it may be kept; `undefined` if it may not be kept at all. */
export interface Published {
  server: AuthorizationServer;
  lifetime: number | undefined;
}

/** Asks the server for its metadata. Resolves with `undefined` if it definitely publishes none. */
export async function publishedServer(issuer: string, options: RequestOptions): Promise<Published | undefined> {
  // Loads valibot, which who finds the metadata in a cache has no use for.
  const { authorizationServerSchema } = await import('@oa/types/schemas');
  const read = (response: HttpResponse): Published => {
    const server = readJson(response, authorizationServerSchema);
    assertIssuer(server.issuer, issuer);
    assertEndpoints(server);
    return { server, lifetime: lifetimeOf(response.headers) };
  };
  return firstUseful(serverMetadataUrls(issuerUrl(issuer)), read, options);
}

/** RFC 8414 section 3.3: identical, byte for byte, or the document is not used. */
function assertIssuer(announced: string, issuer: string): void {
  if (announced === issuer) return;
  const said = `The metadata published for ${shown(issuer)} belongs to another issuer`;
  if (!isIssuer(announced)) throw new OAuthError('issuer_mismatch', `${said}. Check the issuer with its operator.`);
  const advice =
    new URL(announced).origin === new URL(issuer).origin
      ? 'Did you mean that one? An issuer is compared character by character.'
      : 'Use that one only if you trust it: it is on another origin.';
  throw new OAuthError('issuer_mismatch', `${said}, ${shown(announced)}. ${advice}`);
}

/**
 * Refuses plain http, except of an issuer that is itself plain http on loopback: there is no other reason for a server to
 * have secrets sent in the clear or to a local port.
 */
export function assertEndpoints(server: AuthorizationServer): void {
  const local = new URL(server.issuer).protocol === 'http:';
  for (const name of ENDPOINTS) {
    const endpoint = server[name];
    if (endpoint === undefined) continue;
    const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
    if (url?.protocol === 'https:' || (local && url !== undefined && isSecureUrl(url))) continue;
    throw new OAuthError(
      'insecure_url',
      `The metadata of ${shown(server.issuer)} has a ${name} that is not https. The server's operator has to correct it.`,
    );
  }
}
