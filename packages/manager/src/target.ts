import type { ResourceRequirements } from '@oa/discovery';
import { setBounded } from '@oa/mechanisms';
import { assertCompleteIssuer, OAuthError, type AuthorizationServer, type TokenSourceOptions } from '@oa/types';
import { isSameIssuer, issuerOfDocument, normalizeIssuer, toErrorText } from '@oa/types/rfc';
import type { Context } from './context.ts';
import type { Credentials, ResourceTarget, Target } from './credentials.ts';

const REREAD_PAUSE_MS = 60_000;
const MAX_REREAD_RESOURCES = 1000;

/** A target whose issuer is known, and what it asks for where it is a resource. */
export interface ResolvedTarget {
  issuer: string;
  /** Whether the caller named the issuer. Otherwise the resource did, which may be hostile. */
  isPinned: boolean;
  /** Finds the server's metadata. No request is made to the authorization server before. */
  server: (options?: { fresh: boolean }) => Promise<AuthorizationServer>;
  /** The resource, as its metadata writes it. */
  resource?: string | undefined;
  /** The scopes that the resource asks for. */
  scope?: string | undefined;
  /** Whether these are all the scopes that the resource lists. A token with fewer may do. */
  isScopeListed?: boolean | undefined;
}

/**
 * Finds the issuer of `target`. A resource is asked for its requirements, unless they are remembered, or `wanted` has its challenge.
 *
 * @throws {OAuthError} `login_required`, if only a stored token is wanted and nothing is known of the resource
 */
export async function resolveTarget(
  context: Context,
  target: Target,
  credentials: Credentials,
  wanted: TokenSourceOptions,
): Promise<ResolvedTarget> {
  if (isResource(target)) return resolveResource(context, target, credentials, wanted);
  if (typeof target === 'string' && target !== '') return resolveIssuer(context, target, true);
  if (typeof target === 'object' && target !== null && typeof target.token_endpoint === 'string')
    return { issuer: toIssuer(target.issuer), isPinned: true, server: async () => target };
  throw new TypeError('The target must be an issuer URL, authorization server metadata, or { resource: URL }.');
}

function isResource(target: Target): target is ResourceTarget {
  return typeof target === 'object' && target !== null && 'resource' in target && !('token_endpoint' in target);
}

async function resolveResource(
  context: Context,
  { resource: url, issuer }: ResourceTarget,
  { client_id, client_secret }: Credentials,
  wanted: TokenSourceOptions,
): Promise<ResolvedTarget> {
  // The resource could otherwise have the secret sent to any server that it names.
  if (client_secret !== undefined && issuer === undefined)
    throw new TypeError('A client_secret belongs to one issuer: pass { resource, issuer } as the target.');
  const { authorization_servers: named, resource, scope, challenge } = await requirementsOf(context, url, wanted);
  const isPinned = issuer !== undefined;
  const expected =
    issuer ?? (client_id === undefined ? undefined : await (await context.clientIssuers()).get(client_id));
  const chosen = expected ?? named[0];
  if (named.some((each) => isSameIssuer(toIssuer(each), toIssuer(chosen))))
    return {
      ...resolveIssuer(context, chosen, isPinned),
      resource,
      scope,
      isScopeListed: challenge?.scope === undefined,
    };
  const { origin } = new URL(url);
  throw new OAuthError(
    'resource_mismatch',
    isPinned
      ? `${origin} does not accept tokens of ${chosen}. Check the issuer.`
      : `${origin} does not accept tokens of ${chosen}, where this client_id was used first. If its own authorization server is the right one, pass { resource, issuer } as the target.`,
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
  const options = { ...context.network, cache, signal };
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

/** The issuer of a stored token, as it is written there. */
export function resolveStoredIssuer(context: Context, issuer: string): ResolvedTarget {
  return {
    issuer,
    isPinned: true,
    async server(options) {
      // A caller who passes metadata can name the server by any text.
      if (!URL.canParse(issuer))
        throw new OAuthError(
          'metadata_not_found',
          `The issuer ${toErrorText(issuer)} is no URL, so its metadata can't be found.`,
        );
      return resolveIssuer(context, issuer, true).server(options);
    },
  };
}

/** @param target an issuer, or the address of its metadata document */
function resolveIssuer(context: Context, target: string, isPinned: boolean): ResolvedTarget {
  assertCompleteIssuer(target);
  return {
    issuer: toIssuer(target),
    isPinned,
    async server({ fresh } = { fresh: false }) {
      const { discover } = await import('@oa/discovery');
      const { servers: cache } = await context.metadata();
      return discover(target, { ...context.network, ...context.options.discovery, cache, fresh });
    },
  };
}

/** Both spellings of an issuer without a path, and the address of its metadata, lead to one token. */
function toIssuer(target: string): string {
  return normalizeIssuer(issuerOfDocument(target) ?? target);
}
