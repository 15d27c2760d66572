import { attempt, OAuthError } from '@oa/types';
import type { Context } from './context.ts';

/** What a protected resource says about the tokens it takes. */
export interface ResourceNeeds {
  issuer: string;
  /** Sent unchanged (RFC 8707). */
  resource: string;
  /** The scopes of its challenge, else those of its metadata, else none. */
  scope?: string;
  /** Seconds since the epoch until which this is believed. */
  expires_at: number;
}

/** Seconds. As long as server metadata that says nothing about its lifetime. */
const LIFETIME = 600;

/** From the URL of a protected resource to its issuer (RFC 9728 section 5). */
export async function needsOf(context: Context, url: string): Promise<ResourceNeeds> {
  const { resources } = await context.remembered();
  const known = await attempt((async () => resources.get(url))());
  if (known.ok && known.value !== undefined && known.value.expires_at * 1000 > context.now()) return known.value;
  const needs = await ask(context, url);
  const kept = await attempt((async () => resources.set(url, needs))());
  if (!kept.ok) context.emit({ type: 'metadata_cache_failed', issuer: needs.issuer, code: kept.error.code });
  return needs;
}

async function ask(context: Context, url: string): Promise<ResourceNeeds> {
  const { discoverResource, parseChallenges } = await import('@oa/discovery');
  const header = await challengeOf(context, url);
  const metadata = await discoverResource(url, {
    ...context.network,
    ...(header !== undefined && { challenge: header }),
  });
  const challenged = parseChallenges(header ?? null).flatMap(({ parameters }) => parameters['scope'] ?? [])[0];
  const scope = challenged ?? metadata.scopes_supported?.join(' ');
  const [issuer] = metadata.authorization_servers ?? [];
  if (issuer === undefined)
    throw new OAuthError(
      'metadata_not_found',
      `The metadata of ${new URL(url).origin} names no authorization server. Pass the issuer instead of the resource.`,
    );
  const expires_at = Math.floor(context.now() / 1000) + LIFETIME;
  return { issuer, resource: metadata.resource, expires_at, ...(scope !== undefined && scope !== '' && { scope }) };
}

/** What the resource says to a request without a token. If it says nothing, its metadata is where RFC 9728 section 3.1 puts it. */
async function challengeOf(context: Context, url: string): Promise<string | undefined> {
  const { request } = await import('@oa/http');
  const probe = await attempt(request('GET', url, context.network));
  if (!probe.ok || probe.value.status !== 401) return undefined;
  return probe.value.headers.get('www-authenticate') ?? undefined;
}
