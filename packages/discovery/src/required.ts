import { request } from '@oa/http';
import { attempt, OAuthError, type ProtectedResource, type RequestOptions } from '@oa/types';
import { isScope } from '@oa/types/rfc';
import { parseChallenges, type Challenge } from './challenge.ts';
import { guessResource } from './guess-resource.ts';
import { discoverResource } from './resource.ts';

/** What a challenge says about the tokens of a resource. */
export interface RequiredByChallenge {
  /** The URL of the metadata. */
  resource_metadata?: string;
  /** Scopes separated by spaces. */
  scope?: string;
}

/** What a protected resource requires of a token. It is a part of `ResourceRequirements`. */
export interface RequiredToken {
  /** The issuers of its authorization servers, at least one. */
  authorization_servers: [string, ...string[]];
  /** To be sent unchanged as the `resource` parameter (RFC 8707). */
  resource: string;
  /** Scopes separated by spaces: those of the challenge, else those of the metadata. */
  scope?: string;
  /** What the last challenge said. Without its `scope`, the scopes are all that the metadata lists, and not every request needs them all. */
  challenge?: RequiredByChallenge;
  /** Whether the resource publishes no authorization server, and its own origin is taken for one. */
  guessed?: true;
}

/** Fits into the URL of a login. */
const MAX_REQUIRED_SCOPE_CHARACTERS = 4000;
/** The schemes of tokens (RFC 6750, RFC 9449). The scope of another scheme is not one of a token. */
const TOKEN_SCHEMES: ReadonlySet<string> = new Set(['bearer', 'dpop']);

/**
 * Reads what a challenge says about tokens in general. One with `insufficient_scope` names the scopes of a single request. An empty scope
 * counts as none. A challenge of any scheme may name metadata (RFC 9728 section 5.1).
 *
 * @returns `undefined` if it says nothing
 */
export function readChallenge(header: string | undefined): RequiredByChallenge | undefined {
  const found: RequiredByChallenge = {};
  for (const { scheme, parameters } of parseChallenges(header ?? null)) {
    const { resource_metadata, scope = '', error } = parameters;
    if (resource_metadata !== undefined) found.resource_metadata ??= resource_metadata;
    const isGeneral = TOKEN_SCHEMES.has(scheme) && error !== 'insufficient_scope';
    if (isGeneral && scope.trim() !== '') found.scope ??= scope;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/**
 * Requests the resource without a token, for the challenge in its 401. Only the headers are read: some resources answer a GET with an
 * endless stream of events.
 */
export async function probeChallenge(url: string, options: RequestOptions): Promise<RequiredByChallenge | undefined> {
  const probe = await attempt(request('GET', url, { ...options, headersOnly: true }));
  if (!probe.ok || probe.value.status !== 401) return undefined;
  return readChallenge(probe.value.headers.get('www-authenticate') ?? undefined);
}

/**
 * Reads the metadata of the resource: at the address of the challenge, else where RFC 9728 section 3.1 puts it.
 *
 * @param mayGuess whether the origin of a resource whose metadata names no authorization server is taken for one, and that of a resource
 *   without metadata. A challenge that names metadata which is not there rules that out.
 */
export async function readRequired(
  url: string,
  challenge: RequiredByChallenge | undefined,
  options: RequestOptions,
  mayGuess: boolean,
): Promise<RequiredToken> {
  const read = await attempt(discoverResource(url, { ...options, challenge: challenge && toChallenge(challenge) }));
  const isMissing = !read.ok && read.error.code === 'metadata_not_found' && challenge?.resource_metadata === undefined;
  if (!read.ok && !(mayGuess && isMissing)) throw read.error;
  const guess = guessResource(url);
  const metadata = read.ok ? read.value : guess;
  const { authorization_servers: named = [] } = metadata;
  const isGuessed = mayGuess && (!read.ok || named.length === 0);
  const [issuer, ...others] = isGuessed ? guess.authorization_servers : named;
  const scope = requiredScope(challenge, metadata, url);
  if (issuer === undefined)
    throw new OAuthError(
      'metadata_not_found',
      `The metadata of ${new URL(url).origin} names no authorization server. Pass the issuer instead of the resource.`,
    );
  const required: RequiredToken = { authorization_servers: [issuer, ...others], resource: metadata.resource };
  if (scope !== '') required.scope = scope;
  if (challenge !== undefined) required.challenge = challenge;
  if (isGuessed) required.guessed = true;
  return required;
}

function toChallenge({ resource_metadata }: RequiredByChallenge): Challenge | undefined {
  return resource_metadata === undefined ? undefined : { scheme: 'bearer', parameters: { resource_metadata } };
}

/** The scopes of the challenge, else those of the metadata, else an empty string. */
function requiredScope(challenge: RequiredByChallenge | undefined, metadata: ProtectedResource, url: string): string {
  const scope = challenge?.scope ?? metadata.scopes_supported?.join(' ') ?? '';
  if (scope === '' || isScope(scope, MAX_REQUIRED_SCOPE_CHARACTERS)) return scope;
  throw new OAuthError(
    'invalid_response',
    `${new URL(url).origin} asks for scopes that are too long, or that have characters which RFC 6749 section 3.3 forbids. Pass the issuer and the scope instead.`,
  );
}
