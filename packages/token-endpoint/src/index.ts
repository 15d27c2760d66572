export type { TokenEndpointOptions } from './options.ts';
export { refreshToken } from './refresh-token.ts';
export { refreshRefusal } from './refusal.ts';
export { requestToken } from './request-token.ts';
export { revokeToken } from './revoke-token.ts';
