import type { ResourceRequirements } from '@oa/discovery';
import { setBounded } from '@oa/mechanisms';
import { OAuthError, type TokenSourceOptions } from '@oa/types';
import { isSameIssuer } from '@oa/types/rfc';
import { chooseIssuer } from './choose-issuer.ts';
import type { Context } from './context.ts';
import type { Credentials, ResourceTarget } from './credentials.ts';
import { resolveIssuer, toIssuer, type ResolvedTarget } from './target.ts';

const REREAD_PAUSE_MS = 60_000;
const MAX_REREAD_RESOURCES = 1000;

/**
 * Finds the issuer for a protected resource: the one that the caller names, else the one at which the `client_id` was used first, else one
 * that the resource names.
 *
 * @throws {OAuthError} `resource_mismatch`, if the resource does not name the issuer of the `client_id`; `login_required`, if only a stored
 *   token is wanted and nothing is known of the resource
 */
export async function resolveResource(
  context: Context,
  { resource: url, issuer: pinned }: ResourceTarget,
  credentials: Credentials,
  wanted: TokenSourceOptions,
): Promise<ResolvedTarget> {
  // The resource could otherwise have the secret sent to any server that it names.
  if (credentials.client_secret !== undefined && pinned === undefined)
    throw new TypeError('A client_secret belongs to one issuer: pass { resource, issuer } as the target.');
  const {
    authorization_servers: named,
    resource,
    scope,
    challenge,
    guessed,
  } = await requirementsOf(context, url, wanted);
  const asked = { resource, scope, isScopeListed: challenge?.scope === undefined };
  const isNamed = (issuer: string): boolean => named.some((each) => isSameIssuer(toIssuer(each), toIssuer(issuer)));
  if (pinned !== undefined) {
    // The caller knows better than the metadata which server issues the tokens.
    if (!isNamed(pinned)) context.emit({ type: 'issuer_not_named', issuer: pinned, resource });
    return { ...resolveIssuer(context, pinned, true), ...asked };
  }
  const bound = await boundIssuer(context, credentials);
  if (bound !== undefined && !isNamed(bound)) throw notNamed(url, bound);
  const chosen = bound ?? (await chooseIssuer(context, named, credentials));
  return { ...resolveIssuer(context, chosen, false, guessed), ...asked };
}

async function boundIssuer(context: Context, { client_id }: Credentials): Promise<string | undefined> {
  return client_id === undefined ? undefined : (await context.clientIssuers()).get(client_id);
}

function notNamed(url: string, issuer: string): OAuthError {
  return new OAuthError(
    'resource_mismatch',
    `${new URL(url).origin} does not accept tokens of ${issuer}, where this client_id was used first. If its own authorization server is the right one, pass { resource, issuer } as the target.`,
  );
}

/** What the resource requires. A refused token, or a new challenge, makes its metadata be read again: it may have moved to another server. */
async function requirementsOf(
  context: Context,
  url: string,
  { challenge, rejected, stored, signal }: TokenSourceOptions,
): Promise<ResourceRequirements> {
  const { discoverRequirements, storedRequirements } = await import('@oa/discovery');
  const { resources: cache } = await context.metadata();
  const fallback = context.options.discovery?.fallback === 'origin' ? 'origin' : 'none';
  const options = { ...context.network, cache, signal, fallback } as const;
  if (stored !== true)
    return discoverRequirements(url, {
      ...options,
      challenge,
      fresh: rejected !== undefined && mayReadAgain(context, url),
    });
  const known = await storedRequirements(url, options);
  if (known !== undefined) return known;
  throw new OAuthError('login_required', `Nothing is stored for ${new URL(url).origin}.`);
}

/** A resource that refuses every token must not have its metadata read with each of them. */
function mayReadAgain(context: Context, url: string): boolean {
  const now = context.now();
  if (now < (context.askedAgainAt.get(url) ?? Number.NEGATIVE_INFINITY) + REREAD_PAUSE_MS) return false;
  setBounded(context.askedAgainAt, url, now, MAX_REREAD_RESOURCES);
  return true;
}
