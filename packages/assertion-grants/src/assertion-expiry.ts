import { isObject, parseJson } from '@oa/mechanisms';

/**
 * Parses when an assertion expires. Nothing is verified: the server does that.
 *
 * @returns seconds since the epoch, or `undefined` for an assertion that is no JWT, is encrypted, or does not say when it expires
 * @see https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4
 */
export function parseAssertionExpiry(assertion: string): number | undefined {
  const [, claims = '', signature, ...others] = assertion.split('.', 5);
  if (signature === undefined || others.length > 0) return undefined;
  const parsed = parseJson(decodeClaims(claims));
  const exp = isObject(parsed) ? parsed['exp'] : undefined;
  return typeof exp === 'number' && Number.isFinite(exp) ? exp : undefined;
}

/** Decodes base64url. One character stands for one byte, which is enough to find a number. */
function decodeClaims(part: string): string {
  try {
    return atob(part.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return '';
  }
}
