import { readJson, type HttpResponse } from '@oa/http';
import { isSecureUrl, OAuthError, type AuthorizationServer, type RequestOptions } from '@oa/types';
import { findPlaceholder, toErrorText } from '@oa/types/rfc';
import { isIssuer, quoteIssuer } from './issuer.ts';
import { cacheLifetimeSeconds } from './lifetime.ts';
import { loadMetadataSchemas } from './schemas.ts';
import { isAnswer, type ServerSearch } from './search.ts';
import { fetchFirstPublished, type DocumentSearch } from './well-known.ts';

/** The members that receive requests with secrets, or the user's browser. */
const ENDPOINT_MEMBERS = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'device_authorization_endpoint',
  'pushed_authorization_request_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
] as const;

const MAX_PLACEHOLDER_CHARACTERS = 100;

/** The metadata that a server publishes. */
export interface PublishedServer {
  server: AuthorizationServer;
  /** Seconds for which it may be used again. `undefined` after `no-store`. */
  lifetime: number | undefined;
}

/**
 * Requests the metadata of a server.
 *
 * @param first the address to ask before the others, where the metadata was found before
 */
export async function fetchPublishedServer(
  search: ServerSearch,
  first: string | undefined,
  options: RequestOptions,
): Promise<DocumentSearch<PublishedServer>> {
  const { authorizationServerSchema } = await loadMetadataSchemas();
  const read = async (response: HttpResponse): Promise<PublishedServer> => {
    // Only the guess itself has this member: a document that has it is none.
    const { guessed_after: _, ...server } = await readJson(response, authorizationServerSchema);
    if (!isAnswer(server.issuer, search)) throw issuerMismatch(server.issuer, search);
    assertSecureEndpoints(server);
    assertCompleteEndpoints(server);
    return { server, lifetime: cacheLifetimeSeconds(response.headers) };
  };
  const urls = search.urls.toSorted((one, other) => Number(other === first) - Number(one === first));
  return fetchFirstPublished(urls, read, options);
}

/** RFC 8414 section 3.3: a document of another issuer must not be used. */
function issuerMismatch(published: string, search: ServerSearch): OAuthError {
  const { issuer, document = issuer } = search;
  const problem =
    search.document === undefined
      ? `The metadata published for ${quoteIssuer(issuer)} belongs to another issuer`
      : `The document at ${quoteIssuer(document)} belongs to an issuer that publishes its metadata elsewhere`;
  const placeholder = findPlaceholder(published);
  // Text that is no issuer is not shown.
  if (placeholder === undefined || !isIssuer(published.replaceAll(placeholder, 'x')))
    return new OAuthError('issuer_mismatch', `${problem}${mismatchAdvice(published, issuer)}`);
  const shown = toErrorText(placeholder, MAX_PLACEHOLDER_CHARACTERS);
  return new OAuthError(
    'issuer_mismatch',
    `${problem}, ${quoteIssuer(published)}, with the placeholder ${shown}. ${placeholderAdvice(published, placeholder, issuer)}`,
  );
}

function mismatchAdvice(published: string, issuer: string): string {
  if (!isIssuer(published)) return '. Check the issuer with its operator.';
  return new URL(published).origin === new URL(issuer).origin
    ? `, ${quoteIssuer(published)}. Did you mean that one? An issuer is compared character by character.`
    : `, ${quoteIssuer(published)}. Use that one only if you trust it: it is on another origin.`;
}

/**
 * Says what to put where. Entra publishes `https://login.microsoftonline.com/{tenantid}/v2.0` for the tenants `common`, `organizations` and
 * `consumers`: only the issuer of one tenant, by its identifier, has metadata of its own.
 */
function placeholderAdvice(published: string, placeholder: string, issuer: string): string {
  const [before = '', after = ''] = published.split(placeholder);
  const fits = issuer.startsWith(before) && issuer.endsWith(after) && issuer.length > before.length + after.length;
  const value = fits ? issuer.slice(before.length, issuer.length - after.length) : undefined;
  const where = value === undefined ? 'the placeholder' : `"${toErrorText(value, MAX_PLACEHOLDER_CHARACTERS)}"`;
  return `The metadata is for several tenants. Use the issuer of one tenant: put its identifier (not its name) in place of ${where}.`;
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

/** A request to an endpoint with a placeholder would fail, or reach another tenant. The optional endpoints do without a check: none may be needed. */
function assertCompleteEndpoints(server: AuthorizationServer): void {
  for (const name of ['authorization_endpoint', 'token_endpoint'] as const) {
    // Only braces: the rest of a URL is the business of its server.
    const placeholder = /\{[\w.-]{1,50}\}/.exec(server[name] ?? '')?.[0];
    if (placeholder === undefined) continue;
    throw new OAuthError(
      'invalid_response',
      `The metadata of ${quoteIssuer(server.issuer)} has a ${name} with the placeholder ${toErrorText(placeholder, MAX_PLACEHOLDER_CHARACTERS)}. ` +
        'Use the issuer of one tenant, or pass the metadata yourself, with the value of your tenant in place of the placeholder.',
    );
  }
}
