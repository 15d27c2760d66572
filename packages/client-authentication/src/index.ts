export { authenticateClient } from './authenticate-client.ts';
export { isClientRefused } from './client-refused.ts';
export { assertAuthentication } from './methods.ts';
export { sendAuthenticated } from './send-authenticated.ts';
export type { AuthenticatedExchange } from './authenticated-exchange.ts';
export type {
  AuthenticatedRequest,
  AuthenticationOption,
  ClientAuthentication,
  ClientAuthenticationMethod,
} from './types.ts';
