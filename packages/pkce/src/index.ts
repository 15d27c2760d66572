export { authorizationUrl } from './authorization.ts';
export type { AuthorizationOptions } from './authorization-request.ts';
export { readCallback } from './callback.ts';
export type { ExpectedCallback } from './callback.ts';
export { createPkce } from './challenge.ts';
export type { Pkce } from './challenge.ts';
export { exchangeCode } from './exchange.ts';
export { pushAuthorizationRequest } from './push.ts';
export type { PushedRequest, PushOptions } from './push.ts';
