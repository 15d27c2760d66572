import { readJson, type HttpResponse } from '@oa/http';
import { isSecureUrl, OAuthError, type AuthorizationServer, type RequestOptions } from '@oa/types';
import { isIssuer, quoteIssuer, toIssuerUrl } from './issuer.ts';
import { cacheLifetimeSeconds } from './lifetime.ts';
import { fetchFirstPublished, serverMetadataUrls } from './well-known.ts';

/** The members that receive requests with secrets, or the user's browser. */
const ENDPOINT_MEMBERS = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'device_authorization_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
] as const;

/** The metadata that a server publishes. */
export interface PublishedServer {
  server: AuthorizationServer;
  /** Seconds for which it may be used again. `undefined` means that it must not be stored. */
  lifetime: number | undefined;
}

/** Requests the metadata of a server. Resolves with `undefined` if the server definitely publishes none. */
export async function fetchPublishedServer(
  issuer: string,
  options: RequestOptions,
): Promise<PublishedServer | undefined> {
  // Loaded lazily: a cache hit does not need valibot.
  const { authorizationServerSchema } = await import('@oa/types/schemas');
  const read = (response: HttpResponse): PublishedServer => {
    // Only the guess itself has this member: a document that has it is none.
    const { guessed_after: _, ...server } = readJson(response, authorizationServerSchema);
    assertSameIssuer(server.issuer, issuer);
    assertSecureEndpoints(server);
    return { server, lifetime: cacheLifetimeSeconds(response.headers) };
  };
  return fetchFirstPublished(serverMetadataUrls(toIssuerUrl(issuer)), read, options);
}

/** RFC 8414 section 3.3: a document whose issuer is not identical, byte for byte, must not be used. */
function assertSameIssuer(published: string, issuer: string): void {
  if (published === issuer) return;
  const problem = `The metadata published for ${quoteIssuer(issuer)} belongs to another issuer`;
  if (!isIssuer(published)) throw new OAuthError('issuer_mismatch', `${problem}. Check the issuer with its operator.`);
  const advice =
    new URL(published).origin === new URL(issuer).origin
      ? 'Did you mean that one? An issuer is compared character by character.'
      : 'Use that one only if you trust it: it is on another origin.';
  throw new OAuthError('issuer_mismatch', `${problem}, ${quoteIssuer(published)}. ${advice}`);
}

/**
 * Refuses plain http endpoints, unless the issuer itself is plain http on loopback. No other server has a reason to receive secrets
 * unencrypted, or on a port of this machine.
 */
export function assertSecureEndpoints(server: AuthorizationServer): void {
  const isLocal = new URL(server.issuer).protocol === 'http:';
  for (const name of ENDPOINT_MEMBERS) {
    const endpoint = server[name];
    if (endpoint === undefined) continue;
    const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
    if (url?.protocol === 'https:' || (isLocal && url !== undefined && isSecureUrl(url))) continue;
    throw new OAuthError(
      'insecure_url',
      `The metadata of ${quoteIssuer(server.issuer)} has a ${name} that is not https. Ask the server's operator to correct it.`,
    );
  }
}
