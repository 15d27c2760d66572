import { login, type LoginOptions } from '@oa/pkce/loopback';
import type { Target } from './flags.ts';

/** Logs a person in. No discovery and no cache: the metadata is fetched by hand, and the token is the caller's to keep. */
export async function logIn({ issuer, client_id, scope }: Target, options?: LoginOptions) {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  const server = await response.json();
  if (server.issuer !== issuer) throw new Error(`${issuer} publishes the metadata of another issuer`);
  return login(server, { client_id }, { scope }, options);
}
