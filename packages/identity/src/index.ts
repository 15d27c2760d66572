export type { IdTokenClaims } from './id-token.ts';
export { introspect } from './introspect.ts';
export type { Introspection, IntrospectOptions } from './introspect.ts';
export { assertIdTokenNonce } from './nonce.ts';
export { readIdToken } from './read-id-token.ts';
export type { ReadIdTokenOptions } from './options.ts';
export { userInfo } from './user-info.ts';
export type { UserInfo } from './user-info.ts';
