export type { TokenEndpointOptions } from './options.ts';
export { postAuthenticated } from './post.ts';
export type { EndpointForm, ResponseReader } from './post.ts';
export { refreshToken } from './refresh-token.ts';
export { refreshRefusal } from './refusal.ts';
export { requestToken } from './request-token.ts';
export { revokeToken } from './revoke-token.ts';
