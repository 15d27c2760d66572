/**
 * Creates the `Authorization` header for `token`, and no header for `undefined`. The error names a wrong token, and does not show it.
 *
 * @throws {TypeError} if `token` can't be written into a header
 */
export function bearerHeader(token: string | undefined, name: string): Record<string, string> {
  if (token === undefined) return {};
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw new TypeError(`${name} must be a string of printable ASCII characters without spaces.`);
  return { authorization: `Bearer ${token}` };
}
