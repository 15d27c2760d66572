import { login, type LoginOptions } from '@oa/loopback';
import type { Target } from './flags.ts';

/** The issuer publishes no metadata where this looks, or another issuer's. */
export class MetadataError extends Error {}

/** Logs a person in. No discovery and no cache: the metadata is fetched by hand, and the token is the caller's to keep. */
export async function logIn({ issuer, client_id, scope }: Target, options?: LoginOptions) {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  if (!response.ok)
    throw new MetadataError(`${response.url} answered ${response.status}: @oa/discovery knows where else to look`);
  const server = await response.json();
  if (server.issuer !== issuer) throw new MetadataError(`${issuer} publishes the metadata of another issuer`);
  return login(server, { client_id }, { scope }, options);
}
