import type { AuthorizationServer } from '@oa/types';
import { toIssuerUrl } from './issuer.ts';

/**
 * Creates the metadata of a server that publishes none: `/authorize`, `/token` and `/register` at the issuer's origin. Sends no
 * request.
 *
 * @throws {OAuthError} `insecure_url`
 * @throws {TypeError} if `issuer` can't be an issuer identifier
 */
export function conventionalServer(issuer: string): AuthorizationServer {
  const { origin } = toIssuerUrl(issuer);
  return {
    issuer,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
  };
}
