import { isSecureUrl, OAuthError, type Client } from '@oa/types';
import { isSameRedirectUri } from '@oa/types/rfc';

/** RFC 6749 appendix A.1 and A.2. */
const PRINTABLE = /^[\x20-\x7e]+$/;
/** An access token is sent in a header (RFC 6750 section 2.1). */
const PRINTABLE_WITHOUT_SPACES = /^[\x21-\x7e]+$/;
const MEMBER_PATTERNS = {
  client_id: PRINTABLE,
  client_secret: PRINTABLE,
  registration_access_token: PRINTABLE_WITHOUT_SPACES,
} as const;

/** What the answer to a request about a client may contain. */
export interface ClientRequest {
  /** Where the request went. */
  url: string;
  /** The redirect URIs that were asked for, or that the client had. `undefined` if they are not known. */
  redirect_uris: readonly string[] | undefined;
}

/**
 * Refuses an answer with a member that can't be used, or that leads a login or the access token of the registration to another place.
 *
 * @throws {OAuthError} `invalid_response`
 */
export function assertUsableClient(client: Client, { url, redirect_uris }: ClientRequest): void {
  for (const [name, pattern] of Object.entries(MEMBER_PATTERNS)) {
    const value = client[name];
    if (value !== undefined && !(typeof value === 'string' && pattern.test(value)))
      throw unusableAnswer(`a ${name} with characters that no request can carry`);
  }
  if (client.redirect_uris?.every((uri) => isAskedFor(uri, redirect_uris)) === false)
    throw unusableAnswer('redirect_uris that were not asked for');
  const address = client.registration_client_uri;
  if (address !== undefined && !isManagementAddress(address, url))
    throw unusableAnswer('a registration_client_uri that is not an https URL');
}

/** A login listens on its redirect URI. One of another client would receive the codes of that client (RFC 9700 section 4.4). */
function isAskedFor(uri: string, asked: readonly string[] | undefined): boolean {
  return asked === undefined ? URL.canParse(uri) : asked.some((each) => isSameRedirectUri(uri, each));
}

/** Only a server on this machine may name a plain http address, and only its own: it could name any local program otherwise. */
function isManagementAddress(address: string, requested: string): boolean {
  if (!PRINTABLE_WITHOUT_SPACES.test(address)) return false;
  const { protocol, origin, username, password } = new URL(address);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return true;
  const from = new URL(requested);
  return isSecureUrl(from) && origin === from.origin;
}

function unusableAnswer(what: string): OAuthError {
  return new OAuthError(
    'invalid_response',
    `The server answered with ${what}. The registration is not used. Report it to the server operator.`,
  );
}
