import type { AuthorizationServer, Client } from '@oa/types';

export const client: Client = { client_id: 'oa-test' };

/** The metadata of a server at `origin`. */
export function metadata({ origin }: { origin: string }): AuthorizationServer {
  return { issuer: origin, authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` };
}
