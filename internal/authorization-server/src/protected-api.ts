import { createServer, type IncomingMessage } from 'node:http';
import { closeServer, listen } from '@oa-internal/testing/server';
import { createProofCheck } from './proof-check.ts';
import type { LoggedRequest } from './log.ts';
import type { AuthorizationServerHandle } from './server.ts';

export interface ProtectedApi {
  /** The address of the API, which is also its resource indicator (RFC 8707). */
  url: string;
  requests: LoggedRequest[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Answer = [status: number, json: unknown, challenge?: string];

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/**
 * Starts an API that requires a token of `server`. With one it answers 200 and `{ hello, scope }`, else 401 and a
 * `WWW-Authenticate` header that names the API's RFC 9728 metadata. A token that is bound to a DPoP key needs a proof (RFC 9449 section 7.1),
 * with `options.dpopNonces` one with a nonce of the API, which changes with each answer. With `options.acr` it refuses a user who has logged in in another way
 * (RFC 9470). `options.beforeAnswer` is waited for before each answer, with the number of requests so far.
 */
export async function startProtectedApi(
  server: AuthorizationServerHandle,
  options: { acr?: string; dpopNonces?: boolean; beforeAnswer?: (requests: number) => Promise<void> } = {},
): Promise<ProtectedApi> {
  const requests: LoggedRequest[] = [];
  const http = createServer();
  const origin = await listen(http);
  const url = `${origin}/api`;
  // RFC 9728 section 3.1: the well-known part stands between the host and the path of the resource.
  const metadataUrl = `${origin}${WELL_KNOWN}/api`;
  const proofs = createProofCheck(origin, options.dpopNonces ?? false);

  async function answer(path: string, { method = '', url: target = '', headers }: IncomingMessage): Promise<Answer> {
    await options.beforeAnswer?.(requests.length);
    if (path === `${WELL_KNOWN}/api`)
      return [200, { resource: url, authorization_servers: [server.issuer], scopes_supported: ['read', 'write'] }];
    if (path !== '/api' && !path.startsWith('/api/')) return [404, { error: 'not_found' }];
    const challenge = `Bearer resource_metadata="${metadataUrl}"`;
    const [, scheme = '', accessToken] = /^(Bearer|DPoP) ([^ ]+)$/i.exec(headers.authorization ?? '') ?? [];
    if (accessToken === undefined) return [401, { error: 'token_required' }, challenge];
    const token = await server.introspect(accessToken);
    // RFC 9700 section 2.3: refuses a token for another audience. Accepts a token without an audience.
    if (token === undefined || (token.aud !== undefined && ![url, server.resource].includes(String(token.aud))))
      return [401, { error: 'invalid_token' }, `${challenge}, error="invalid_token"`];
    const fault = await proofs.faultOf({ scheme, accessToken, jkt: token.jkt, proof: headers['dpop'], method, target });
    if (fault !== undefined)
      return [401, { error: fault }, `DPoP algs="ES256", resource_metadata="${metadataUrl}", error="${fault}"`];
    if (options.acr !== undefined && token.acr !== options.acr)
      return [
        401,
        { error: 'insufficient_user_authentication' },
        `${challenge}, error="insufficient_user_authentication", acr_values="${options.acr}"`,
      ];
    return [200, { hello: token.sub ?? token.client_id, ...(token.scope === undefined ? {} : { scope: token.scope }) }];
  }

  http.on('request', (request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const entry: LoggedRequest = { method: request.method ?? 'GET', path, status: 0 };
    requests.push(entry);
    void answer(path, request).then(([status, json, challenge]) => {
      entry.status = status;
      const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', ...proofs.headers() };
      response.writeHead(status, challenge === undefined ? headers : { ...headers, 'www-authenticate': challenge });
      return response.end(JSON.stringify(json));
    });
  });

  const close = (): Promise<void> => closeServer(http);
  return { url, requests, close, [Symbol.asyncDispose]: close };
}
