import type { ResourceRequirements } from '@oa/discovery';
import { OAuthError, type TokenSourceOptions } from '@oa/types';
import { mayAskAgain, noteRead, wasJustRead } from './ask-again.ts';
import { chooseIssuer } from './choose-issuer.ts';
import type { Context } from './context.ts';
import type { Credentials, ResourceTarget } from './credentials.ts';
import { isAmong, resolveIssuer, type OpenOptions, type ResolvedTarget } from './target.ts';

/**
 * Finds the issuer for a protected resource: the one that the caller names, else the one at which the `client_id` was used first, else one
 * that the resource names.
 *
 * @throws {TypeError} if the credentials have a secret, and the program has not named its issuer yet
 * @throws {OAuthError} `resource_mismatch`, if the resource does not name the issuer of the `client_id`; `login_required`, if only a stored
 *   token is wanted and nothing is known of the resource
 */
export async function resolveResource(
  context: Context,
  { resource: url, issuer: pinned }: ResourceTarget,
  credentials: Credentials,
  wanted: OpenOptions,
): Promise<ResolvedTarget> {
  if (pinned !== undefined && (typeof pinned !== 'string' || pinned === ''))
    throw new TypeError('The issuer of the target must be a URL. Is the environment variable set?');
  const hasSecret = credentials.client_secret !== undefined;
  const bound = pinned === undefined ? await boundIssuer(context, credentials) : undefined;
  // The resource could otherwise have the secret sent to any server that it names.
  if (hasSecret && pinned === undefined && bound === undefined)
    throw new TypeError(
      'A client_secret belongs to one issuer: pass { resource, issuer } as the target. After that the resource alone is enough.',
    );
  const find = async (fresh: boolean): Promise<ResourceRequirements> => {
    const found = await requirementsOf(context, url, { ...wanted, fresh, mayGuess: pinned !== undefined });
    if (found.cached !== true) noteRead(context, url);
    return found;
  };
  const { authorization_servers: named, resource, scope, challenge, guessed } = await find(false);
  const asked = {
    resource,
    scope,
    isScopeListed: challenge?.scope === undefined,
    bindsClient: pinned === undefined || hasSecret,
  };
  if (pinned !== undefined) {
    // The caller knows better than the metadata which server issues the tokens.
    if (guessed !== true && !isAmong(pinned, named))
      context.emit({ type: 'issuer_not_named', issuer: pinned, resource });
    return { ...resolveIssuer(context, pinned, true), ...asked };
  }
  if (bound !== undefined && !isAmong(bound, named)) throw notNamed(url, bound);
  const chosen = bound ?? (await chooseIssuer(context, named, credentials, wanted.passOver));
  const isStillNamed = async (): Promise<boolean> => isAmong(chosen, (await find(true)).authorization_servers);
  return {
    ...resolveIssuer(context, chosen, false, guessed),
    ...asked,
    isStillNamed: wasJustRead(context, url) ? undefined : isStillNamed,
  };
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

/** How the requirements of a resource are read. */
interface RequirementsOptions extends TokenSourceOptions {
  /** Whether the metadata is read again although it is cached. */
  fresh: boolean;
  /** Whether a resource that names no authorization server will do: the caller names one. */
  mayGuess: boolean;
}

/** What the resource requires. A refused token, or a new challenge, makes its metadata be read again: it may have moved to another server. */
async function requirementsOf(
  context: Context,
  url: string,
  { challenge, rejected, stored, signal, fresh, mayGuess }: RequirementsOptions,
): Promise<ResourceRequirements> {
  const { discoverRequirements, storedRequirements } = await import('@oa/discovery');
  const { resources: cache } = await context.metadata();
  const fallback = mayGuess || context.options.discovery?.fallback === 'origin' ? 'origin' : 'none';
  const options = { ...context.network, cache, signal, fallback } as const;
  if (stored === true) {
    const known = await storedRequirements(url, options);
    if (known !== undefined) return { ...known, cached: true };
    throw new OAuthError('login_required', `Nothing is stored for ${new URL(url).origin}.`);
  }
  const { rereads } = context;
  const mayHaveMoved = fresh || rejected !== undefined;
  const isReading = mayHaveMoved && rereads.has(url);
  if (isReading || (mayHaveMoved && mayAskAgain(context, url))) {
    const reread = (shared: AbortSignal): Promise<ResourceRequirements> =>
      discoverRequirements(url, { ...options, challenge, fresh: true, signal: shared });
    const found = await rereads.run(url, reread, signal);
    if (!isReading) return found;
  }
  // After the wait for another call: its challenge may have said something else.
  return discoverRequirements(url, { ...options, challenge });
}
