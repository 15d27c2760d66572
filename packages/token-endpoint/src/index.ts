export { authenticateClient } from '@oa/client-authentication';
export type { AuthenticatedRequest, ClientAuthentication, TokenEndpointOptions } from '@oa/client-authentication';
export { isRefreshRefused, refreshToken } from './refresh-token.ts';
export { requestToken } from './request-token.ts';
export { revokeToken } from './revoke-token.ts';
