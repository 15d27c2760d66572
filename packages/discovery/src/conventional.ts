import type { AuthorizationServer } from '@oa/types';
import { issuerUrl } from './issuer.ts';

/**
 * The metadata of a server that publishes none: `/authorize`, `/token` and `/register` at the issuer's origin.
 *
 * @throws `TypeError` for what can't be an issuer, `insecure_url` for plain http to a host that is not loopback
 */
export function conventionalServer(issuer: string): AuthorizationServer {
  const { origin } = issuerUrl(issuer);
  return {
    issuer,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
  };
}
