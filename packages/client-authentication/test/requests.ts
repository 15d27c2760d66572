import type { RecordedRequest, ScriptedServer } from '@oa-internal/scripted-server';
import type { AuthorizationServer } from '@oa/types';

export const token = { access_token: 'at', token_type: 'Bearer' };
/** The scheme characters of Basic, of forms and of URLs, and a letter that is two bytes in UTF-8. */
export const ODD_SECRET = 's+é&=%/~: x';

let issuers = 0;

/** Metadata with an issuer of its own: a method that worked is remembered by issuer for the whole process. */
export function newMetadata(server: ScriptedServer, methods?: string[]): AuthorizationServer {
  issuers += 1;
  return {
    issuer: `https://as.example/${issuers}`,
    token_endpoint: `${server.origin}/token`,
    ...(methods !== undefined && { token_endpoint_auth_methods_supported: methods }),
  };
}

/** The identifier and the secret that a server reads from `Authorization: Basic`. */
export function basicCredentials({ headers }: RecordedRequest, decode: (text: string) => string): string[] | undefined {
  const encoded = /^Basic (.*)$/.exec(headers.authorization ?? '')?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString().split(/:(.*)/s, 2).map(decode);
}

/** How a request authenticates the client. */
export function methodOf(request: RecordedRequest | undefined): string {
  if (request === undefined) return 'nothing';
  const inHeader = request.headers.authorization !== undefined;
  const inBody = request.form.has('client_secret');
  if (inHeader) return inBody || request.form.has('client_id') ? 'both' : 'basic';
  return inBody ? 'post' : request.form.has('client_id') ? 'none' : 'nothing';
}
