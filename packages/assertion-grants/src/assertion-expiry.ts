import { parseJwtClaims } from '@oa/mechanisms';

/**
 * Parses when an assertion expires. Nothing is verified: the server does that.
 *
 * @returns seconds since the epoch, or `undefined` for an assertion that is no JWT, is encrypted, or does not say when it expires
 * @see https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4
 */
export function parseAssertionExpiry(assertion: string): number | undefined {
  const exp = parseJwtClaims(assertion)?.['exp'];
  return typeof exp === 'number' && Number.isFinite(exp) ? exp : undefined;
}
