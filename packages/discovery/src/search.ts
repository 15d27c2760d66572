import { isSameIssuer, issuerOfDocument, normalizeIssuer } from '@oa/types/rfc';
import { isIssuer, toIssuerUrl } from './issuer.ts';
import { documentUrls, serverMetadataUrls } from './well-known.ts';

/** The search for the metadata of one authorization server. */
export interface ServerSearch {
  /** The key of the cache. */
  key: string;
  /** The issuer that the caller passed, or the one in the address of the document that the caller passed. */
  issuer: string;
  /** The document that the caller passed instead of an issuer. No other address is asked, and no endpoint is guessed. */
  document: string | undefined;
  /** The addresses to ask, in this order. */
  urls: string[];
}

/**
 * Makes the search for an issuer, or for the address of a metadata document.
 *
 * @throws {OAuthError} `insecure_url`, `metadata_not_found` if the issuer has a placeholder
 * @throws {TypeError} if `issuer` can't be an issuer identifier
 */
export function toServerSearch(issuer: string): ServerSearch {
  const url = toIssuerUrl(issuer);
  const named = issuerOfDocument(issuer);
  if (named === undefined)
    return { key: normalizeIssuer(issuer), issuer, document: undefined, urls: serverMetadataUrls(url) };
  const document = toIssuerUrl(issuer.replace(/\/$/, '')).href;
  return { key: document, issuer: toNamedIssuer(named), document, urls: [document] };
}

function toNamedIssuer(named: string): string {
  toIssuerUrl(named);
  return named;
}

/**
 * Whether metadata of the issuer `published` answers the search: it is the issuer of the caller, or the document of the caller is at one of its
 * well-known addresses. Any server could otherwise publish the metadata of another one.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-3.3
 */
export function isAnswer(published: string, { issuer, document }: ServerSearch): boolean {
  if (document === undefined) return isSameIssuer(published, issuer);
  return isIssuer(published) && documentUrls(new URL(published)).includes(document);
}
