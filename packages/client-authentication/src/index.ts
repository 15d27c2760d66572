export { authenticateClient } from './authenticate-client.ts';
export { isClientRefused } from './client-refused.ts';
export { assertAuthentication } from './methods.ts';
export { sendAuthenticated } from './send-authenticated.ts';
export { signJwt } from './sign-jwt.ts';
export type { SignFunction, SigningAlgorithm, SigningCryptoKey, SigningJwk, SigningKey } from './signing-key.ts';
export type { AuthenticatedExchange } from './authenticated-exchange.ts';
export type {
  AuthenticatedRequest,
  AuthenticationOption,
  ClientAuthentication,
  ClientAuthenticationMethod,
} from './types.ts';
