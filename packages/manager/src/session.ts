import { createLoader, setBounded } from '@oa/mechanisms';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import type { StoredIdentity } from '@oa/token-cache';
import type { AssertionSource, AuthorizationServer, Client, OAuthError, RequestParameters, Token } from '@oa/types';
import { mergeScopes } from '@oa/types/rfc';
import { assertionMemberOf } from './assertion-grants.ts';
import type { Context } from './context.ts';
import { assertCredentials, configuredClientOf, grantTypeOf, type Credentials, type Target } from './credentials.ts';
import { needsUser, toGrantType, type GrantType } from './grant-type.ts';
import type { FoundClient } from './client.ts';
import type { Grant } from './custom-grant.ts';
import type { Failed, Refused, Renewed } from './outcome.ts';
import type { ManagerOptions } from './options.ts';
import { sessionKeys } from './session-key.ts';
import { toDetailsParameter } from './details.ts';
import { permittedScopes } from './step-up.ts';
import { readStored, toKeys } from './stored.ts';
import type { Asserted } from './subject.ts';
import { resolveStoredIssuer, resolveTarget, type OpenOptions, type ResolvedTarget } from './target.ts';

const loadClientModule = createLoader(() => import('./client.ts'));
const loadObtainModule = createLoader(() => import('./obtain.ts'));

const MAX_ISSUED_TOKENS = 1000;

/** Why a new grant is needed. */
export type GrantReason = 'nothing_stored' | 'not_refreshable' | 'login_requested' | Refused;

/** What a caller asks of a new grant. */
export interface GrantOptions {
  signal: AbortSignal;
  /** @default the option of the manager */
  interaction?: ManagerOptions['interaction'];
  /** Wire parameters of this grant alone. */
  parameters?: RequestParameters | undefined;
}

/** One identity at one issuer: everything that belongs to one key of the cache. */
export interface Session {
  context: Context;
  /** As the server writes it, once its metadata is known. */
  issuer: string;
  /** The key of the token that the session uses. The first call of `stored` may find it under another one than the first of `keys`. */
  key: string;
  /** The key of a new grant, and those that earlier versions used for the same credentials. */
  keys: readonly [key: string, ...formerKeys: string[]];
  /** The key with the secret of the client. What the server says of a wrong secret is no failure of the callers with the right one. */
  flight: string;
  grant_type: GrantType;
  /** Whether a user takes part in the grant. What needs none can be repeated at any time, and its failures harm no session. */
  needsUser: boolean;
  /** The grant of the caller, where it is no built-in one. */
  grant: Grant | undefined;
  /** What the grant sends for its subject, where it needs that. */
  assertion: string | AssertionSource | undefined;
  /** Opens the session of another assertion. Absent where the assertion is a text, or the caller has named its subject. */
  otherAssertion?: () => Promise<Session | undefined>;
  /** The scopes that the token is for, separated by spaces. */
  scope: string | undefined;
  /** What the grant sends, besides what identifies and authenticates the client. */
  parameters: RequestParameters;
  /** The resources that a login names besides the one of the token. */
  furtherResources: readonly string[];
  /** What a refresh sends besides the refresh token. */
  refreshParameters: RequestParameters;
  /** Whether the scopes are all that a resource lists. A stored token with fewer may do, and its resource server says if not. */
  isScopeListed: boolean;
  /** Whether `offline_access` is asked for where the server lists it: a resource does not know that its clients want a refresh token. */
  asksForRefreshToken: boolean;
  /** Whether the credentials have a secret that is `undefined`, as from an environment variable that is not set. */
  isSecretUnset: boolean;
  /** The client of the credentials. Without one the client is registered. */
  configuredClient: Client | undefined;
  /** Whether the caller named the issuer. Otherwise the resource did, which may be hostile. */
  isPinned: boolean;
  /** Whether the first token binds the configured client to the issuer. */
  bindsClient: boolean;
  /** Reads again whether the resource still names the issuer. Absent where that was just read, or the caller named the issuer. */
  isStillNamed: (() => Promise<boolean>) | undefined;
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
  /**
   * Stores a token that the server has just issued.
   *
   * @returns why it is not durable, `undefined` if it is. After `lock_lost` the store has a newer one of another process.
   */
  store: (token: Token) => Promise<OAuthError | undefined>;
  /** Makes the grant and stores the token. */
  obtain: (reason: GrantReason, options: GrantOptions) => Promise<Renewed | Failed>;
}

/**
 * Opens the session of `credentials` at `target`.
 *
 * @param wanted what a resource server has asked for, besides the credentials, and how a resource is looked up
 */
export async function openSession(
  context: Context,
  target: Target,
  credentials: Credentials,
  wanted: OpenOptions = {},
): Promise<Session> {
  assertCredentials(credentials);
  const resolved = await resolveTarget(context, target, credentials, wanted);
  const asserted = await findAsserted(context, credentials, resolved.issuer, wanted.signal);
  const create = (each?: Asserted): Session => createSession(context, resolved, credentials, wanted.scope, each);
  const session = create(asserted);
  const askOther = asserted?.other;
  if (askOther !== undefined)
    session.otherAssertion = async () => {
      const other = await askOther();
      return other && create(other);
    };
  return session;
}

async function findAsserted(
  { options }: Context,
  credentials: Credentials,
  issuer: string,
  signal: AbortSignal | undefined,
): Promise<Asserted | undefined> {
  const member = assertionMemberOf(credentials.grant_type);
  const given = member && credentials[member];
  if (given === undefined) return undefined;
  const { findSubject } = await import('./subject.ts');
  return findSubject(given, credentials, issuer, { signal, timeout: options.timeout });
}

/** Opens the session of one stored token, and of no other one. The secret of a configured client is not stored. */
export function openStoredSession(context: Context, key: string, identity: StoredIdentity): Session {
  const { issuer, client_id } = identity;
  const credentials: Credentials = { grant_type: toGrantType(identity.grant_type), client_id };
  const session = createSession(context, resolveStoredIssuer(context, issuer), credentials);
  return Object.assign(session, toKeys(key, session.configuredClient), { keys: [key] as const });
}

/** The client of the credentials, else the one that the program has at the issuer. */
function configuredClientAt({ ownClient }: Context, issuer: string, credentials: Credentials): Client | undefined {
  const own = ownClient(issuer);
  const configured = configuredClientOf(credentials);
  const isOwn =
    configured === undefined || (configured.client_id === own?.client_id && configured.client_secret === undefined);
  const client = isOwn ? (own ?? configured) : configured;
  const grant_type = grantTypeOf(credentials);
  // A server can recognise an assertion alone (RFC 7523 section 3.1).
  if (client === undefined && !needsUser(grant_type) && assertionMemberOf(grant_type) === undefined)
    throw new TypeError(`credentials.client_id is missing: the grant ${grant_type} needs it.`);
  return client;
}

function createSession(
  context: Context,
  { issuer, server, isPinned, ...asked }: ResolvedTarget,
  credentials: Credentials,
  more?: string,
  asserted?: Asserted,
): Session {
  const { audience, profile, authorization_details, subject_token_type, resource = asked.resource } = credentials;
  const parameters =
    subject_token_type === undefined ? credentials.parameters : { ...credentials.parameters, subject_token_type };
  const grant_type = grantTypeOf(credentials);
  const configuredClient = configuredClientAt(context, issuer, credentials);
  const client_id = configuredClient?.client_id;
  const permitted = (scope: string | undefined): string | undefined =>
    permittedScopes(context.options, grant_type, scope);
  const added = permitted(more);
  const base = credentials.scope ?? permitted(asked.scope);
  const own = credentials.additionalScope;
  const scope = [own, added].reduce((all, each) => (each === undefined ? all : mergeScopes(all, each)), base);
  const identity = {
    issuer,
    grant_type,
    client_id,
    scope,
    resource,
    audience,
    parameters,
    profile,
    authorization_details,
    subject: asserted?.subject,
  };
  const keys = sessionKeys(identity);
  let isFirstRead = true;
  const session: Session = {
    context,
    issuer,
    ...toKeys(keys[0], configuredClient),
    keys,
    grant_type,
    needsUser: needsUser(grant_type),
    grant: credentials.grant,
    assertion: asserted?.assertion,
    scope,
    parameters: { ...parameters, ...toDetailsParameter(authorization_details), scope, resource, audience },
    furtherResources: credentials.furtherResources ?? [],
    refreshParameters: { ...credentials.refreshParameters, resource },
    isScopeListed: asked.isScopeListed === true && credentials.scope === undefined && more === undefined,
    asksForRefreshToken: asked.resource !== undefined && credentials.scope === undefined && needsUser(grant_type),
    isSecretUnset: Object.hasOwn(credentials, 'client_secret') && credentials.client_secret === undefined,
    configuredClient,
    isPinned,
    bindsClient: asked.bindsClient === true,
    isStillNamed: asked.isStillNamed,
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
    client: async () => (await loadClientModule()).findClient(session),
    clientOf: async (token) => (await loadClientModule()).findTokenClient(session, token),
    stored() {
      const isFirst = isFirstRead;
      isFirstRead = false;
      return readStored(session, isFirst);
    },
    store(token) {
      setBounded(context.issuedAt, token.access_token, context.now(), MAX_ISSUED_TOKENS);
      return context.tokens.set(session.key, token);
    },
    obtain: async (reason, options) => (await loadObtainModule()).obtain(session, reason, options),
  };
  return session;
}
