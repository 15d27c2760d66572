export type { AssertionRequest, AssertionSource } from './assertion.ts';
export { assertDetailsSupported } from './authorization-details.ts';
export { assertCompleteIssuer } from './complete-issuer.ts';
export type { OAuthErrorCode } from './error.ts';
export type { OAuthEvent } from './event.ts';
export { explainGuess } from './guess.ts';
export type { AuthorizationServer, Client, ProtectedResource, RequestParameters } from './metadata.ts';
export { isOAuthError, isShareableError, isStorageError, OAuthError, parseOAuthError } from './oauth-error.ts';
export type { OAuthErrorDetails } from './oauth-error.ts';
export type { RequestOptions } from './options.ts';
export { attempt } from './result.ts';
export type { Result } from './result.ts';
export { assertPkceSupported } from './pkce-support.ts';
export { assertKeySource } from './key-source.ts';
export type { KeySource, LockOptions, Store, StoreReservation } from './store.ts';
export { DEFAULT_LEEWAY_MS, isExpired } from './token.ts';
export type {
  AuthorizationDetail,
  DpopKey,
  Token,
  TokenClient,
  TokenResponse,
  TokenSource,
  TokenSourceOptions,
} from './token.ts';
export { isSecureUrl } from './url.ts';
