import { request } from '@oa/http';
import { attempt, OAuthError, type RequestOptions, type Store } from '@oa/types';
import { parseChallenges } from './challenge.ts';
import { assertFits, discoverResource } from './resource.ts';

/** What a protected resource says about the tokens it takes. */
export interface ResourceRequirements {
  /** Its authorization servers, at least one. */
  authorization_servers: [string, ...string[]];
  /** To be sent unchanged (RFC 8707). */
  resource: string;
  /** The scopes of its challenge, else those of its metadata, else none. */
  scope?: string;
  /** Seconds since the epoch until which this is believed. */
  expires_at: number;
}

/** The options of {@link discoverRequirements}. */
export interface RequirementsOptions extends RequestOptions {
  /** Keeps requirements for later calls, by URL of the resource. */
  cache?: Store<ResourceRequirements> | undefined;
}

/** Seconds. As long as server metadata that says nothing about its lifetime. */
const LIFETIME = 600;
/** Scopes as RFC 6749 section 3.3 writes them, and not more than a login's URL can carry. */
const SCOPES = /^[\x20\x21\x23-\x5b\x5d-\x7e]{0,4000}$/;

/**
 * From the URL of a protected resource to the token it takes (RFC 9728 section 5): asks the resource without a token, reads
 * its challenge, then its metadata. Believed for 10 minutes.
 *
 * Rejects with `metadata_not_found` if the resource names no authorization server, and with what {@link discoverResource}
 * rejects with.
 */
export async function discoverRequirements(
  url: string,
  options: RequirementsOptions = {},
): Promise<ResourceRequirements> {
  const { cache, ...network } = options;
  const now = network.now ?? Date.now;
  const known = await attempt((async () => believed(await cache?.get(url), url, now()))());
  if (known.ok && known.value !== undefined) return known.value;
  const requirements = { ...(await ask(url, network)), expires_at: Math.floor(now() / 1000) + LIFETIME };
  const kept = await attempt((async () => cache?.set(url, requirements))());
  if (!kept.ok)
    network.onEvent?.({
      type: 'metadata_cache_failed',
      issuer: requirements.authorization_servers[0],
      code: kept.error.code,
    });
  return requirements;
}

/** What comes from a disk is checked as what comes from the network. Nothing is believed for longer than it could have been written for. */
function believed(known: unknown, url: string, now: number): ResourceRequirements | undefined {
  if (typeof known !== 'object' || known === null) return undefined;
  const { authorization_servers: servers, resource, scope, expires_at } = known as Record<string, unknown>;
  if (!Array.isArray(servers) || servers.length === 0 || typeof resource !== 'string') return undefined;
  if (typeof expires_at !== 'number' || now >= expires_at * 1000 || expires_at * 1000 > now + LIFETIME * 1000)
    return undefined;
  if (scope !== undefined && typeof scope !== 'string') return undefined;
  assertFits({ resource, authorization_servers: servers }, new URL(url));
  return known as ResourceRequirements;
}

async function ask(url: string, options: RequestOptions): Promise<Omit<ResourceRequirements, 'expires_at'>> {
  const challenge = await challengeOf(url, options);
  const metadata = await discoverResource(url, { ...options, ...(challenge !== undefined && { challenge }) });
  const challenged = parseChallenges(challenge ?? null).flatMap(({ parameters }) => parameters['scope'] ?? [])[0];
  const scope = challenged ?? metadata.scopes_supported?.join(' ');
  if (scope !== undefined && !SCOPES.test(scope))
    throw new OAuthError(
      'invalid_response',
      `${new URL(url).origin} asks for scopes that are too long or not as RFC 6749 section 3.3 writes them. Pass the issuer and the scope instead.`,
    );
  const [first, ...others] = metadata.authorization_servers ?? [];
  if (first === undefined)
    throw new OAuthError(
      'metadata_not_found',
      `The metadata of ${new URL(url).origin} names no authorization server. Pass the issuer instead of the resource.`,
    );
  const authorization_servers: [string, ...string[]] = [first, ...others];
  return { authorization_servers, resource: metadata.resource, ...(scope !== undefined && scope !== '' && { scope }) };
}

/** What the resource says to a request without a token. If it says nothing, its metadata is where RFC 9728 section 3.1 puts it. */
async function challengeOf(url: string, options: RequestOptions): Promise<string | undefined> {
  const probe = await attempt(request('GET', url, options));
  if (!probe.ok || probe.value.status !== 401) return undefined;
  return probe.value.headers.get('www-authenticate') ?? undefined;
}
