import { OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server';
import { serve, type OtherServer } from './serve.ts';

/** Starts `oauth2-mock-server`. It issues a token to every client, and checks little more than PKCE. */
export async function startMockServer(): Promise<OtherServer> {
  const issuer = new OAuth2Issuer();
  await issuer.keys.generate('ES256');
  const issued = new Set<string>();
  const server = await serve(async (origin) => {
    // Its own `start()` on 127.0.0.1 uses this name.
    issuer.url = origin.replace('127.0.0.1', 'localhost');
    const service = new OAuth2Service(issuer);
    service.on('beforeResponse', ({ body }: { body: { access_token: string } }) => issued.add(body.access_token));
    return service.requestHandler;
  });
  return {
    ...server,
    issuer: server.origin.replace('127.0.0.1', 'localhost'),
    accepts: async (token) => issued.has(token),
  };
}
