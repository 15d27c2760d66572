import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { tokenKey } from '@oa/token-cache';
import type { AuthorizationServer, Client, OAuthError, RequestParameters, Token } from '@oa/types';
import { mergeScopes } from '@oa/types/rfc';
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
import type { Failed, Renewed } from './outcome.ts';
import { permittedScopes } from './step-up.ts';
import { resolveTarget } from './target.ts';

/** Why a new grant is needed. An OAuthError is the server's refusal of the refresh token. */
export type GrantReason = 'nothing_stored' | 'not_refreshable' | OAuthError;

/** One identity at one issuer: everything that belongs to one key of the cache. */
export interface Session {
  context: Context;
  issuer: string;
  key: string;
  grant_type: GrantType;
  /** What the grant sends, besides what identifies and authenticates the client. */
  parameters: RequestParameters;
  /** The client of the credentials. Without one the client is registered. */
  configuredClient: Client | undefined;
  /** Whether the caller named the issuer. Otherwise the resource did, which may be hostile. */
  isPinned: boolean;
  /** The options of the requests to this server, with the client's authentication. */
  network: TokenEndpointOptions;
  server: () => Promise<AuthorizationServer>;
  /** The client for a new grant. It is registered where that is needed. */
  client: () => Promise<FoundClient>;
  /** The client that a stored token was issued to. It is never registered. */
  clientOf: (token: Token) => Promise<FoundClient | undefined>;
  /** The stored token, expired or not. */
  stored: () => Promise<Token | undefined>;
  /** Makes the grant and stores the token. */
  obtain: (reason: GrantReason, signal: AbortSignal) => Promise<Renewed | Failed>;
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
  const key = tokenKey({ issuer, grant_type, client_id, scope, resource, audience, parameters, profile });
  const session: Session = {
    context,
    issuer,
    key,
    grant_type,
    parameters: { ...parameters, scope, resource, audience },
    configuredClient: configuredClientOf(credentials),
    isPinned,
    network: { ...context.network, authentication: credentials.authentication ?? context.options.authentication },
    server,
    client: async () => (await import('./client.ts')).findClient(session),
    clientOf: async (token) => (await import('./client.ts')).findTokenClient(session, token),
    stored: async () => context.tokens.get(key),
    obtain: async (reason, signal) => (await import('./obtain.ts')).obtain(session, reason, signal),
  };
  return session;
}
