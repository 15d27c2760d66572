import { setBounded } from '@oa/mechanisms';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { tokenKey } from '@oa/token-cache';
import {
  isStorageError,
  type AuthorizationServer,
  type Client,
  type RequestParameters,
  type Token,
  type TokenSourceOptions,
} from '@oa/types';
import { hasTwoSpellings, mergeScopes } from '@oa/types/rfc';
import type { Context } from './context.ts';
import {
  assertCredentials,
  configuredClientOf,
  grantTypeOf,
  type Credentials,
  type GrantType,
  type Target,
} from './credentials.ts';
import type { FoundClient } from './client.ts';
import type { Failed, Refused, Renewed } from './outcome.ts';
import { permittedScopes } from './step-up.ts';
import { resolveTarget } from './target.ts';

const MAX_ISSUED_TOKENS = 1000;

/** Why a new grant is needed. */
export type GrantReason = 'nothing_stored' | 'not_refreshable' | Refused;

/** What a caller asks of a new grant. */
export interface GrantOptions {
  signal: AbortSignal;
  interaction?: TokenSourceOptions['interaction'];
}

/** One identity at one issuer: everything that belongs to one key of the cache. */
export interface Session {
  context: Context;
  /** As the server writes it, once its metadata is known. */
  issuer: string;
  /** The key of the token. It is final after the first call of `stored`. */
  key: string;
  /** The key with the secret of the client. What the server says of a wrong secret is no failure of the callers with the right one. */
  flight: string;
  grant_type: GrantType;
  /** What the grant sends, besides what identifies and authenticates the client. */
  parameters: RequestParameters;
  /** What a refresh sends besides the refresh token. */
  refreshParameters: RequestParameters;
  /** The client of the credentials. Without one the client is registered. */
  configuredClient: Client | undefined;
  /** Whether the caller named the issuer. Otherwise the resource did, which may be hostile. */
  isPinned: boolean;
  /** The options of the requests to this server, with the client's authentication. */
  network: TokenEndpointOptions;
  /** The server's metadata: `fresh` asks the server even where a copy is cached. */
  server: (options?: { fresh: boolean }) => Promise<AuthorizationServer>;
  /** The client for a new grant. It is registered where that is needed. */
  client: () => Promise<FoundClient>;
  /** The client that a stored token was issued to. It is never registered. */
  clientOf: (token: Token) => Promise<FoundClient | undefined>;
  /**
   * The stored token, expired or not.
   *
   * @throws {OAuthError} `storage_unavailable`, if it can't be read at the moment and a new one would need a user
   */
  stored: () => Promise<Token | undefined>;
  /** Stores a token that the server has just issued. */
  store: (token: Token) => Promise<void>;
  /** Makes the grant and stores the token. */
  obtain: (reason: GrantReason, options: GrantOptions) => Promise<Renewed | Failed>;
}

/**
 * Opens the session of `credentials` at `target`.
 *
 * @param more scopes that a resource server has asked for, besides those of the credentials
 */
export async function openSession(
  context: Context,
  target: Target,
  credentials: Credentials,
  more?: string,
): Promise<Session> {
  assertCredentials(credentials);
  const { issuer, server, isPinned, ...asked } = await resolveTarget(context, target, credentials);
  const { client_id, audience, parameters, profile, resource = asked.resource } = credentials;
  const grant_type = grantTypeOf(credentials);
  const permitted = (scope: string | undefined): string | undefined =>
    permittedScopes(context.options, grant_type, scope);
  const added = permitted(more);
  const base = credentials.scope ?? permitted(asked.scope);
  const scope = added === undefined ? base : mergeScopes(base, added);
  const keyOf = (spelling: string): string =>
    tokenKey({ issuer: spelling, grant_type, client_id, scope, resource, audience, parameters, profile });
  // Earlier versions stored a token under the spelling of the caller.
  const formerKeys = hasTwoSpellings(issuer) ? [keyOf(`${issuer}/`)] : [];
  const configuredClient = configuredClientOf(credentials);
  const session: Session = {
    context,
    issuer,
    ...toKeys(keyOf(issuer), configuredClient),
    grant_type,
    parameters: { ...parameters, scope, resource, audience },
    refreshParameters: { ...credentials.refreshParameters, resource },
    configuredClient,
    isPinned,
    network: {
      ...context.network,
      authentication: credentials.authentication ?? context.options.authentication,
      bearerTypes: context.options.bearerTypes,
    },
    async server(options) {
      const found = await server(options);
      session.issuer = found.issuer;
      context.guesses.note(found);
      return found;
    },
    client: async () => (await import('./client.ts')).findClient(session),
    clientOf: async (token) => (await import('./client.ts')).findTokenClient(session, token),
    stored: () => readStored(session, formerKeys),
    async store(token) {
      setBounded(context.issuedAt, token.access_token, context.now(), MAX_ISSUED_TOKENS);
      await context.tokens.set(session.key, token);
    },
    obtain: async (reason, options) => (await import('./obtain.ts')).obtain(session, reason, options),
  };
  return session;
}

/**
 * Reads the stored token. The first read also looks under a former key, and where that has the token, the session uses that key.
 *
 * @param formerKeys are emptied
 */
async function readStored(session: Session, formerKeys: string[]): Promise<Token | undefined> {
  const stored = await readToken(session, session.key);
  const former = formerKeys.pop();
  // What can't be read may be there.
  const isMissing = stored === undefined && session.context.tokens.problemOf(session.key) === undefined;
  if (former === undefined || !isMissing) return stored;
  const found = await readToken(session, former);
  if (found !== undefined) Object.assign(session, toKeys(former, session.configuredClient));
  return found;
}

function toKeys(key: string, configuredClient: Client | undefined): Pick<Session, 'key' | 'flight'> {
  return { key, flight: JSON.stringify([key, configuredClient]) };
}

/** What needs no user goes on without the store: a second grant harms no session. */
async function readToken({ context, grant_type }: Session, key: string): Promise<Token | undefined> {
  try {
    return await context.tokens.get(key);
  } catch (error) {
    if (grant_type !== 'client_credentials' || !isStorageError(error)) throw error;
    return undefined;
  }
}
