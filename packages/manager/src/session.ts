import { tokenKey } from '@oa/token-cache';
import type { AuthorizationServer } from '@oa/types';
import type { Context } from './context.ts';
import { toRequest, type Credentials, type Request, type Target } from './credentials.ts';

/** One identity at one issuer: everything that belongs to one key of the cache. */
export interface Session extends Request {
  issuer: string;
  key: string;
  /** Finds the server's metadata; no request is made before this is called. */
  server: () => Promise<AuthorizationServer>;
}

export async function openSession(
  context: Context,
  target: Target,
  credentials: Credentials,
  more?: string,
): Promise<Session> {
  const request = toRequest(credentials);
  if (typeof target === 'object' && target !== null && 'resource' in target && typeof target.resource === 'string') {
    const { discoverRequirements } = await import('@oa/discovery');
    const { resources: cache } = await context.remembered();
    const { issuer, resource, scope } = await discoverRequirements(target.resource, { ...context.network, cache });
    return openSession(context, issuer, { resource, ...(scope !== undefined && { scope }), ...credentials }, more);
  }
  if (more !== undefined)
    return openSession(context, target, { ...credentials, scope: unite(credentials.scope, more) });
  const { issuer, server } = locate(context, target as Exclude<Target, { resource: string }>);
  const { client_id, scope, resource, audience, parameters, profile } = credentials;
  const { grant_type } = request;
  const key = tokenKey({ issuer, grant_type, client_id, scope, resource, audience, parameters, profile });
  return { ...request, issuer, key, server };
}

/** All scopes of both lists (RFC 6749 section 3.3). */
export function unite(some: string | undefined, more: string): string {
  return [...new Set(`${some ?? ''} ${more}`.split(' '))].filter((scope) => scope !== '').join(' ');
}

function locate(context: Context, target: string | AuthorizationServer): Pick<Session, 'issuer' | 'server'> {
  if (typeof target === 'string' && target !== '') return { issuer: target, server: () => discovered(context, target) };
  if (typeof target === 'object' && target !== null && typeof target.token_endpoint === 'string')
    return { issuer: target.issuer, server: async () => target };
  throw new TypeError('the first argument must be an issuer URL, authorization server metadata, or { resource: URL }');
}

async function discovered(context: Context, issuer: string): Promise<AuthorizationServer> {
  const { discover } = await import('@oa/discovery');
  return discover(issuer, { ...context.network, cache: (await context.remembered()).servers });
}
