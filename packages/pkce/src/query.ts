/**
 * Parses a query. Every parameter gets an equals sign: Node.js takes quadratic time for those without one, and a server may send many.
 *
 * @returns one parameter for each part between separators, empty parts included
 */
export function parseQuery(query: string): URLSearchParams {
  // A separator at the start, because URLSearchParams drops a question mark there.
  return new URLSearchParams(`&${query.replace(/(?<![^&])[^=&]*(?![^&])/g, '$&=')}`);
}
