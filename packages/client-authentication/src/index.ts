export { authenticateClient } from './authenticate-client.ts';
export { clientAssertion } from './client-assertion.ts';
export { assertAuthentication } from './methods.ts';
export { clientSecretJwt, privateKeyJwt } from './private-key-jwt.ts';
export type { ClientSecretJwtOptions, PrivateKeyJwtOptions } from './private-key-jwt.ts';
export { sendAuthenticated } from './send-authenticated.ts';
export { signJwt } from './sign-jwt.ts';
export type { SignFunction, SigningAlgorithm, SigningCryptoKey, SigningJwk, SigningKey } from './signing-key.ts';
export type { AuthenticatedExchange } from './send-authenticated.ts';
export { tlsClientAuth } from './tls-client-auth.ts';
export type {
  AuthenticatedRequest,
  AuthenticationOption,
  ClientAuthentication,
  ClientAuthenticationMethod,
} from './types.ts';
