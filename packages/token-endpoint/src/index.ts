export type { TokenEndpointOptions } from './options.ts';
export { isRefreshRefused, refreshToken } from './refresh-token.ts';
export { requestToken } from './request-token.ts';
export { revokeToken } from './revoke-token.ts';
