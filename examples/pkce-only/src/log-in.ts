import { login, type LoginOptions } from '@oa/loopback';
import type { Target } from './flags.ts';

/** The issuer publishes no metadata at the usual address, or the metadata of another issuer. */
export class MetadataError extends Error {}

/** Logs a user in, without discovery and without a cache: it fetches the metadata itself, and the caller keeps the token. */
export async function logIn({ issuer, client_id, scope }: Target, options?: LoginOptions) {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  if (!response.ok)
    throw new MetadataError(
      `${response.url} answered ${response.status}. @oa/discovery tries the other addresses too.`,
    );
  const server = await response.json();
  if (server.issuer !== issuer) throw new MetadataError(`${issuer} publishes the metadata of another issuer.`);
  return login(server, { client_id }, { scope }, options);
}
