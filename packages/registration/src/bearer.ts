/** The header for `token`, none for `undefined`. A wrong token is named, never shown. */
export function bearer(token: string | undefined, name: string): Record<string, string> {
  if (token === undefined) return {};
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw new TypeError(`${name} must be a string of printable characters without spaces`);
  return { authorization: `Bearer ${token}` };
}
