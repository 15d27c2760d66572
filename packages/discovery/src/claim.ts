import type { HttpResponse } from '@oa/http';
import { attempt, OAuthError, type ProtectedResource, type RequestOptions } from '@oa/types';
import { isSameIssuer } from '@oa/types/rfc';
import { quoteIssuer } from './issuer.ts';
import { fetchFirstPublished, resourceMetadataUrls } from './well-known.ts';

/**
 * Whether the document at `from` may speak for `resource`: it is published by the resource itself or by its origin, or it is about
 * nothing but the URL that was asked (RFC 9728 section 3.3). Otherwise one tenant of a host could claim the resource of all of them.
 */
export function speaksFor(from: string, resource: string, asked: URL): boolean {
  const urls = resourceMetadataUrls(new URL(resource));
  return urls.includes(from) || urls[0] === resourceMetadataUrls(asked)[0];
}

/**
 * Requests the metadata that the claimed resource publishes itself. It decides, whatever `claim` says.
 *
 * @throws {OAuthError} `resource_mismatch` if it is not for the claimed resource and its authorization servers; an error of the request
 *   only if another attempt can help
 * @see https://www.rfc-editor.org/rfc/rfc9728#section-3
 */
export async function confirmClaim(
  claim: ProtectedResource,
  asked: URL,
  read: (response: HttpResponse) => Promise<ProtectedResource>,
  options: RequestOptions,
): Promise<ProtectedResource> {
  const [own] = resourceMetadataUrls(new URL(claim.resource));
  const result = await attempt(fetchFirstPublished([own], read, options));
  if (!result.ok && result.error.retryable) throw result.error;
  if (result.ok && result.value.found !== undefined && confirms(result.value.found, claim)) return result.value.found;
  throw new OAuthError(
    'resource_mismatch',
    `${asked.origin}${asked.pathname} claims to belong to ${quoteIssuer(claim.resource)}, which does not confirm it. ` +
      `Do not send a token there. If the claim is right, ask the operator to publish the same metadata at ${quoteIssuer(own)}.`,
  );
}

function confirms(own: ProtectedResource, claim: ProtectedResource): boolean {
  const issuers = own.authorization_servers ?? [];
  const isConfirmed = (claimed: string): boolean => issuers.some((issuer) => isSameIssuer(issuer, claimed));
  return own.resource === claim.resource && (claim.authorization_servers ?? []).every(isConfirmed);
}
