import { tokenKey } from '@oa/token-cache';
import { OAuthError, type AuthorizationServer } from '@oa/types';
import type { Context } from './context.ts';
import { toRequest, type Credentials, type Request, type ResourceTarget, type Target } from './credentials.ts';

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
  if (isResource(target)) {
    const { issuer, ...asked } = await requirements(context, target, credentials);
    const { resource = asked.resource, scope = asked.scope } = credentials;
    return openSession(context, issuer, { ...credentials, resource, scope }, more);
  }
  if (more !== undefined)
    return openSession(context, target, { ...credentials, scope: unite(credentials.scope, more) });
  const { issuer, server } = locate(context, target);
  const { client_id, scope, resource, audience, parameters, profile } = credentials;
  const { grant_type } = request;
  const key = tokenKey({ issuer, grant_type, client_id, scope, resource, audience, parameters, profile });
  return { ...request, issuer, key, server };
}

function isResource(target: Target): target is ResourceTarget {
  return typeof target === 'object' && target !== null && 'resource' in target && !('token_endpoint' in target);
}

/** What the resource asks for, and the issuer that it may send this caller to. */
async function requirements(
  context: Context,
  { resource: url, issuer }: ResourceTarget,
  { client_secret }: Credentials,
): Promise<{ issuer: string; resource: string; scope?: string }> {
  // A resource could otherwise have the secret sent to any server that it names.
  if (client_secret !== undefined && issuer === undefined)
    throw new TypeError('a client_secret belongs to one issuer: pass { resource, issuer }');
  const { discoverRequirements } = await import('@oa/discovery');
  const { resources: cache } = await context.remembered();
  const { authorization_servers, ...rest } = await discoverRequirements(url, { ...context.network, cache });
  if (issuer === undefined || authorization_servers.includes(issuer))
    return { ...rest, issuer: issuer ?? authorization_servers[0] };
  throw new OAuthError(
    'resource_mismatch',
    `${new URL(url).origin} does not take tokens of ${issuer}. Check the issuer.`,
  );
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
