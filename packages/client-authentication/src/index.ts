export { authenticateClient, authenticationBy } from './authenticate.ts';
export type { AuthenticatedRequest, ClientAuthentication, TokenEndpointOptions } from './authenticate.ts';
export { isWorthTrying, methodOverride, methodsFor, remember } from './method.ts';
export type { Method } from './method.ts';
