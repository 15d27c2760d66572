import { isObject } from '@oa/mechanisms';

/** RFC 7518 section 6: the private members of a key. `k` is a symmetric key. */
const PRIVATE_KEY_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** Whether a JWK set has a key. */
export function hasKeys(jwks: unknown): boolean {
  return isObject(jwks) && Array.isArray(jwks['keys']) && jwks['keys'].length > 0;
}

/**
 * Refuses a JWK set with a private key. The error shows no part of it.
 *
 * @param reader the subject that would then have the private key
 * @throws {TypeError} if `jwks` is no JWK set, or has a private member
 */
export function assertPublicKeys(jwks: unknown, name: string, reader: string): void {
  // A text or a single key could hide a private member.
  if (!isObject(jwks) || !Array.isArray(jwks['keys']) || !jwks['keys'].every(isObject))
    throw new TypeError(`${name} must be a JWK set: { keys: [...] }.`);
  if ([jwks, ...jwks['keys']].some(hasPrivateMember))
    throw new TypeError(`${name} must have public keys only: ${reader} would have the private key.`);
}

function hasPrivateMember(key: Readonly<Record<string, unknown>>): boolean {
  return PRIVATE_KEY_MEMBERS.some((name) => Object.hasOwn(key, name));
}
