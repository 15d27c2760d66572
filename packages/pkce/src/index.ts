export { authorizationUrl } from './authorization.ts';
export { readCallback } from './callback.ts';
export type { ExpectedCallback } from './callback.ts';
export { createPkce } from './challenge.ts';
export type { Pkce } from './challenge.ts';
export { exchangeCode } from './exchange.ts';
