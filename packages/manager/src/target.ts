import { createLoader } from '@oa/mechanisms';
import { assertCompleteIssuer, OAuthError, type AuthorizationServer, type TokenSourceOptions } from '@oa/types';
import { isSameIssuer, issuerOfDocument, normalizeIssuer, toErrorText } from '@oa/types/rfc';
import type { Context } from './context.ts';
import type { Credentials, ResourceTarget, Target } from './credentials.ts';
import { fallbackAt } from './discovery-option.ts';

const loadDiscovery = createLoader(() => import('@oa/discovery'));

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
  /** Whether the first token binds the configured client to this issuer, for calls with a resource alone. */
  bindsClient?: boolean | undefined;
  /** Reads again whether the resource still names the issuer. Absent where that was just read, or the caller named the issuer. */
  isStillNamed?: (() => Promise<boolean>) | undefined;
}

/** How a target is resolved, besides what the caller wants. */
export interface OpenOptions extends TokenSourceOptions {
  /** Issuers that can't serve this program. Others that the resource names are preferred. */
  passOver?: readonly string[] | undefined;
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
  wanted: OpenOptions,
): Promise<ResolvedTarget> {
  if (isResource(target))
    return (await import('./resource-target.ts')).resolveResource(context, target, credentials, wanted);
  if (typeof target === 'string' && target !== '') return resolveIssuer(context, target, true);
  if (typeof target === 'object' && target !== null && typeof target.token_endpoint === 'string')
    return { issuer: toIssuer(target.issuer), isPinned: true, server: async () => target };
  throw new TypeError('The target must be an issuer URL, authorization server metadata, or { resource: URL }.');
}

function isResource(target: Target): target is ResourceTarget {
  return typeof target === 'object' && target !== null && 'resource' in target && !('token_endpoint' in target);
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
      // The session came from this issuer, so it is no new guess.
      return resolveIssuer(context, issuer, true, true).server(options);
    },
  };
}

/**
 * @param target an issuer, or the address of its metadata document
 * @param isOrigin whether it is the origin of a resource that publishes no metadata
 */
export function resolveIssuer(
  context: Context,
  target: string,
  isPinned: boolean,
  isOrigin: boolean = false,
): ResolvedTarget {
  assertCompleteIssuer(target);
  return {
    issuer: toIssuer(target),
    isPinned,
    async server({ fresh } = { fresh: false }) {
      const { discover } = await loadDiscovery();
      const { servers: cache } = await context.metadata();
      return discover(target, { ...context.network, fallback: fallbackAt(context.options, isOrigin), cache, fresh });
    },
  };
}

/** Both spellings of an issuer without a path, and the address of its metadata, lead to one token. */
export function toIssuer(target: string): string {
  return normalizeIssuer(issuerOfDocument(target) ?? target);
}

/** Whether an issuer is one of several, in whatever spelling. */
export function isAmong(issuer: string, issuers: readonly string[]): boolean {
  return issuers.some((each) => isSameIssuer(toIssuer(each), toIssuer(issuer)));
}
