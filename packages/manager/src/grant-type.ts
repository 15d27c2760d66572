import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';

export const GRANT_TYPES = [
  'client_credentials',
  'authorization_code',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
  'urn:ietf:params:oauth:grant-type:token-exchange',
] as const;

/** How a token is obtained when there is none to refresh: a built-in grant, or the name of one by `Credentials.grant`. */
export type GrantType = (typeof GRANT_TYPES)[number] | (string & {});

/** Whether the manager makes the grant itself. */
export function isBuiltInGrant(grant_type: string | undefined): boolean {
  return (GRANT_TYPES as readonly unknown[]).includes(grant_type);
}

/** The grant type of a stored token. One that this version does not know is ended as a login is. */
export function toGrantType(text: string): GrantType {
  return GRANT_TYPES.find((each) => each === text) ?? 'authorization_code';
}

/** Whether a refresh token is used. Grants without a user are repeated instead, which can't fail because of an old refresh token. */
export function usesRefreshToken(grant_type: GrantType): boolean {
  return needsUser(grant_type) || !isBuiltInGrant(grant_type);
}

/** Whether a user takes part in the grant. What needs none can be repeated at any time, and its failures harm no session. */
export function needsUser(grant_type: GrantType): boolean {
  return grant_type === 'authorization_code' || grant_type === DEVICE_CODE_GRANT_TYPE;
}
