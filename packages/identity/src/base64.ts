/**
 * Decodes base64url without padding. Each sequence of bytes has one spelling only: another one is refused.
 *
 * @returns the bytes, or `undefined` for any other text
 * @see https://www.rfc-editor.org/rfc/rfc7515#section-2
 */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const characters = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}
