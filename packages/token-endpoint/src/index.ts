export { authenticateClient } from './authenticate.ts';
export type { AuthenticatedRequest, ClientAuthentication, TokenEndpointOptions } from './authenticate.ts';
export { isRefreshRefused, refreshToken } from './refresh-token.ts';
export { requestToken } from './request-token.ts';
export { revokeToken } from './revoke-token.ts';
