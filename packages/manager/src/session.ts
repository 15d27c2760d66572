import { tokenKey } from '@oa/token-cache';
import type { AuthorizationServer } from '@oa/types';
import type { Context } from './context.ts';
import { toRequest, type Credentials, type Request, type Target } from './credentials.ts';

/** One identity at one issuer: everything that belongs to one key of the cache. */
export interface Session {
  issuer: string;
  key: string;
  request: Request;
  /** Finds the server's metadata; no request is made before this is called. */
  server: () => Promise<AuthorizationServer>;
}

export async function openSession(context: Context, target: Target, credentials: Credentials): Promise<Session> {
  if (typeof credentials !== 'object' || credentials === null) throw new TypeError('credentials must be an object');
  const { issuer, server } = locate(context, target);
  const request = toRequest(credentials);
  const { resource, scope, audience } = credentials;
  const key = tokenKey({
    issuer,
    grant_type: request.grant_type,
    client_id: request.client?.client_id,
    scope,
    resource,
    audience,
    parameters: credentials.parameters,
    profile: request.profile,
  });
  return { issuer, key, request, server };
}

function locate(context: Context, target: Target): Pick<Session, 'issuer' | 'server'> {
  if (typeof target === 'string' && target !== '') return { issuer: target, server: () => discovered(context, target) };
  if (typeof target === 'object' && 'token_endpoint' in target)
    return { issuer: target.issuer, server: async () => target };
  throw new TypeError('the first argument must be an issuer, as a URL string, or authorization server metadata');
}

async function discovered(context: Context, issuer: string): Promise<AuthorizationServer> {
  const { discover } = await import('@oa/discovery');
  return discover(issuer, { ...context.network, ...(await context.metadata()) });
}
