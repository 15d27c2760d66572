import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { listen } from '@oa-internal/testing/server';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';

/** How the server is known to clients that have a certificate. */
export interface ServerCertificate {
  key: Buffer;
  cert: Buffer;
  /** The authority of the certificates of clients. */
  ca: Buffer;
}

/** The endpoints for clients with a certificate, on an origin of their own (RFC 8705 section 5). */
export interface CertificateEndpoints {
  server: Server;
  aliases: Record<string, string>;
}

/** Starts an https server that asks clients for a certificate, and accepts any for now: the authorization server decides. */
export async function startCertificateEndpoints(
  certificate: ServerCertificate,
  handle: RequestListener,
): Promise<CertificateEndpoints> {
  const server = createServer({ ...certificate, requestCert: true, rejectUnauthorized: false }, handle);
  const origin = (await listen(server)).replace('http:', 'https:');
  const aliases = {
    token_endpoint: `${origin}/token`,
    revocation_endpoint: `${origin}/revoke`,
    introspection_endpoint: `${origin}/introspect`,
    device_authorization_endpoint: `${origin}/device_authorization`,
    pushed_authorization_request_endpoint: `${origin}/par`,
  };
  return { server, aliases };
}

/** How oidc-provider recognises a client by its certificate (RFC 8705 section 2). */
export const certificateFeature: NonNullable<Configuration['features']>['mTLS'] = {
  enabled: true,
  tlsClientAuth: true,
  selfSignedTlsClientAuth: true,
  getCertificate: (ctx) => certificateOf(ctx)?.toString(),
  certificateAuthorized: (ctx) => (ctx.socket as TLSSocket).authorized,
  certificateSubjectMatches: (ctx, property, expected) =>
    property === 'tls_client_auth_subject_dn' && certificateOf(ctx)?.subject === expected,
};

function certificateOf({ socket }: KoaContextWithOIDC): ReturnType<TLSSocket['getPeerX509Certificate']> {
  return 'getPeerX509Certificate' in socket ? (socket as TLSSocket).getPeerX509Certificate() : undefined;
}
