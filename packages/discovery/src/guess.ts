import { OAuthError, type AuthorizationServer } from '@oa/types';
import { conventionalServer } from './conventional.ts';
import { quoteIssuer } from './issuer.ts';
import type { ServerSearch } from './search.ts';
import { toAnswersText, type AbsentDocument } from './well-known.ts';

/** By these a server says that it has no such document (RFC 9110 sections 15.5.5 and 15.5.11). */
const ABSENT_STATUSES: ReadonlySet<number> = new Set([404, 410]);
/** By these a firewall, a proxy or a login in front of the server refuses the request. They do not tell what the server publishes. */
const REFUSED_STATUSES: ReadonlySet<number> = new Set([401, 403, 407, 451]);

/** Such an address is that of a document, such as the keys of a server. No path of an issuer begins so (RFC 8615 section 3). */
const WELL_KNOWN_PATTERN = /\/(?:\.|%2e)well-known(?:\/|$)/i;

/**
 * Guesses the endpoints of a server that definitely publishes no metadata: one address answered 404 or 410, and none refused the request. A
 * client secret is sent to these endpoints.
 *
 * @throws {OAuthError} `metadata_not_found` if nothing is guessed
 */
export function guessServer(
  search: ServerSearch,
  absent: readonly AbsentDocument[],
  isAllowed: boolean,
): AuthorizationServer {
  const advice = adviceAgainstGuess(search, absent, isAllowed);
  if (advice === undefined)
    return { ...conventionalServer(search.issuer), guessed_after: absent.map(({ url }) => url) };
  throw new OAuthError(
    'metadata_not_found',
    `No metadata of ${quoteIssuer(search.issuer)} is found, and no endpoint is guessed: ${toAnswersText(absent)}. ${advice}`,
  );
}

function adviceAgainstGuess(
  { issuer, document }: ServerSearch,
  absent: readonly AbsentDocument[],
  isAllowed: boolean,
): string | undefined {
  if (absent.some(({ status }) => REFUSED_STATUSES.has(status)))
    return 'A firewall, a proxy or a login seems to stand in front of the server, so it is not known whether it publishes metadata. Open the address in a browser, and ask the operator to make it public.';
  if (document !== undefined) return `Check the address, or pass the issuer ${quoteIssuer(issuer)} instead.`;
  if (WELL_KNOWN_PATTERN.test(issuer))
    return 'It is an address below /.well-known, and no issuer. Pass the issuer, which its metadata names, or a protected resource as { resource }.';
  if (!absent.some(({ status }) => ABSENT_STATUSES.has(status)))
    return 'Check the issuer: is it complete (realm, tenant)?';
  return isAllowed
    ? undefined
    : 'Check the issuer: is it complete (realm, tenant)? Or allow the conventional endpoints, or pass the metadata yourself.';
}
