import { createLoader } from '@oa/mechanisms';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import {
  attempt,
  OAuthError,
  openTracing,
  toTraceIssuer,
  trace,
  type AssertionSource,
  type Client,
  type RequestParameters,
  type Token,
  type TraceContexts,
  type Tracing,
} from '@oa/types';
import { asksForScope, DEVICE_CODE_GRANT_TYPE, JWT_BEARER_GRANT_TYPE, mergeScopes } from '@oa/types/rfc';
import { forgetRegistration } from './client.ts';
import type { Context } from './context.ts';
import { assertGranted } from './custom-grant.ts';
import { isPkceRequired } from './discovery-option.ts';
import { loginRequired } from './login-required.ts';
import { findOtherClient } from './other-client.ts';
import { toOutcome, type Failed, type Refused, type Renewed } from './outcome.ts';
import { withServer } from './server.ts';
import { assertGrantSupported } from './support.ts';
import { tellUser } from './tell-user.ts';
import type { GrantOptions, GrantReason, Session } from './session.ts';

const logins: Tracing<TraceContexts['oa:login']> = openTracing('oa:login');
const loadClientCredentials = createLoader(() => import('@oa/client-credentials'));
const loadAssertionGrants = createLoader(() => import('@oa/assertion-grants'));

/**
 * Why no new grant can be made, in whole sentences.
 *
 * @returns `undefined` if the grant needs no user, or a user can be asked
 */
export async function reasonNoGrant(
  { needsUser, context: { options } }: Session,
  interaction: GrantOptions['interaction'],
): Promise<string | undefined> {
  if (!needsUser) return undefined;
  const { reasonNotInteractive } = await import('@oa/loopback');
  return reasonNotInteractive({ ...options.login, interaction: interaction ?? options.interaction });
}

/** A new token by the grant of the session, stored. A client that the server refuses is replaced, once. */
export async function obtain(session: Session, reason: GrantReason, options: GrantOptions): Promise<Renewed | Failed> {
  return toOutcome(grantAndStore(session, reason, options));
}

async function grantAndStore(
  session: Session,
  reason: GrantReason,
  { signal, interaction, parameters }: GrantOptions,
): Promise<Token> {
  const { context, issuer, grant_type } = session;
  const refused = typeof reason === 'string' ? undefined : reason;
  const noGrant = await reasonNoGrant(session, interaction);
  if (noGrant !== undefined) throw loginRequired(session, { reason: noGrant, refusal: refused?.error });
  await assertStillNamed(session);
  await assertStorable(session);
  context.emit({
    type: 'grant_needed',
    issuer,
    grant_type,
    reason: typeof reason === 'string' ? reason : toReason(reason),
  });
  if (refused?.forgotten !== undefined) await forgetRegistration(session, refused.forgotten);
  const grantNow = (): Promise<Token> => grantWithClient(session, parameters, signal);
  const isLogin = session.needsUser || reason === 'login_requested';
  const traced: TraceContexts['oa:login'] = { issuer: toTraceIssuer(issuer), grant_type };
  const token = await (isLogin ? trace(logins, traced, grantNow) : grantNow());
  const problem = await session.store(token);
  if (problem !== undefined)
    await tellUser(session, { type: 'persist_failed', code: problem.code, message: problem.message });
  await bindClient(session);
  session.source = 'obtained';
  context.emit({ type: 'obtained', issuer, grant_type });
  return token;
}

function toReason({ isDefinite }: Refused): 'session_ended' | 'refresh_refused' {
  return isDefinite ? 'session_ended' : 'refresh_refused';
}

/**
 * Makes sure that the resource has not moved to another server since its metadata was cached, before a user is asked.
 *
 * @throws {OAuthError} `resource_mismatch`: the session must be opened anew
 */
async function assertStillNamed({ needsUser, issuer, parameters, isStillNamed }: Session): Promise<void> {
  if (!needsUser || isStillNamed === undefined || (await isStillNamed())) return;
  throw new OAuthError(
    'resource_mismatch',
    `${String(parameters['resource'])} accepts no tokens of ${issuer} any more.`,
  );
}

/**
 * Makes sure that the token of a login can be stored before a user is asked: otherwise every run would ask again. What needs no user goes
 * on in memory.
 *
 * The reservation does not last as long as the login. After a login that the user ends with Ctrl-C it would be the sign of an interrupted
 * refresh.
 */
async function assertStorable({ context, key, needsUser }: Session): Promise<void> {
  if (!needsUser) return;
  const reserved = await attempt(reserveAndRelease(context, key));
  if (reserved.ok) return;
  const { code, message, retryable } = reserved.error;
  // The message may end with a command.
  const text = `The user was not asked to log in, because the token could not be stored. ${message}`;
  throw new OAuthError(code, text, { retryable });
}

async function reserveAndRelease({ tokens }: Context, key: string): Promise<void> {
  const { release } = await tokens.reserve(key);
  await release?.();
}

/** The grant, once more without `offline_access` where a server that lists it refuses it to this client. */
async function grantWithClient(
  session: Session,
  more: RequestParameters | undefined,
  signal: AbortSignal,
): Promise<Token> {
  const parameters = { ...session.parameters, ...more };
  const scope = await scopeOnWire(session);
  await assertGrantSupported(session, parameters);
  const granted = await attempt(grantWithAnyClient(session, { ...parameters, scope }, signal));
  if (granted.ok) return granted.value;
  if (scope === session.scope || granted.error.error !== 'invalid_scope') throw granted.error;
  return grantWithAnyClient(session, parameters, signal);
}

async function grantWithAnyClient(
  session: Session,
  parameters: RequestParameters,
  signal: AbortSignal,
): Promise<Token> {
  // A program that is known by its assertion is not registered.
  if (session.assertion !== undefined && session.configuredClient === undefined)
    return grantBound(session, undefined, parameters, signal);
  const found = await session.client();
  const granted = await attempt(grantBound(session, found.client, parameters, signal));
  if (granted.ok) return { ...granted.value, issued_to: found.issued_to };
  const other = await findOtherClient(session, { found, error: granted.error, parameters });
  return { ...(await grantBound(session, other.client, parameters, signal)), issued_to: other.issued_to };
}

/** The token of a grant, with the key that it is bound to where tokens are bound. */
async function grantBound(
  session: Session,
  client: Client | undefined,
  parameters: RequestParameters,
  signal: AbortSignal,
): Promise<Token> {
  const { context, grant_type } = session;
  if (context.options.dpop === undefined)
    return grant(session, { client, parameters, signal, network: session.network });
  // A proof is added by a function, and authenticates no client.
  if (grant_type === 'client_credentials' && client !== undefined)
    (await loadClientCredentials()).assertConfidentialClient(client, session.network);
  const { createProofs, withKey } = await import('./proofs.ts');
  const proofs = await createProofs(session);
  // RFC 9449 section 10: a code that another program gets hold of is of no use to it.
  const dpop_jkt = grant_type === 'authorization_code' ? proofs?.jkt : undefined;
  const { network } = proofs ?? session;
  const token = await grant(session, { client, parameters: { ...parameters, dpop_jkt }, signal, network });
  return withKey(session, token, proofs);
}

/** The scopes of the session, with `offline_access` where that gives the user a session without further logins. */
async function scopeOnWire(session: Session): Promise<string | undefined> {
  const { scope, asksForRefreshToken } = session;
  if (!asksForRefreshToken) return scope;
  const { scopes_supported: listed = [], grant_types_supported: grants = ['refresh_token'] } = await session.server();
  const isOffered = listed.includes('offline_access') && grants.includes('refresh_token');
  return isOffered ? mergeScopes(scope, 'offline_access') : scope;
}

/** From now on no resource can lead the client of the program to another issuer. */
async function bindClient({ context, issuer, configuredClient, bindsClient }: Session): Promise<void> {
  if (configuredClient === undefined || !bindsClient) return;
  const { clientIssuers, emit } = context;
  const added = await attempt((async () => (await clientIssuers()).add(configuredClient.client_id, issuer))());
  if (!added.ok) emit({ type: 'persist_failed', code: added.error.code, message: added.error.message });
}

/** One attempt of a grant. */
interface GrantAttempt {
  /** Absent where the assertion alone says who asks. */
  client: Client | undefined;
  parameters: RequestParameters;
  signal: AbortSignal;
  /** The options of the requests, with how they are authenticated and proved. */
  network: TokenEndpointOptions;
}

async function grant(session: Session, request: GrantAttempt): Promise<Token> {
  const { context, grant_type } = session;
  const { client, parameters, signal, network } = request;
  const { login: loginOptions } = context.options;
  if (session.assertion !== undefined) return grantWithAssertion(session, session.assertion, request);
  if (client === undefined) throw new TypeError('A grant without an assertion needs a client.');
  if (session.grant !== undefined) {
    const own = session.grant;
    const granted = await withServer(session, (server) =>
      own({ server, client, parameters, options: { ...network, signal } }),
    );
    assertGranted(granted);
    return granted;
  }
  if (grant_type === 'client_credentials') {
    const { clientCredentials } = await loadClientCredentials();
    return withServer(session, (server) => clientCredentials(server, client, parameters, network));
  }
  if (grant_type === DEVICE_CODE_GRANT_TYPE) {
    const { startDeviceLogin, awaitDeviceLogin } = await import('@oa/device-code');
    const options = { ...network, signal };
    const [server, started] = await withServer(session, async (each) => [
      each,
      await startDeviceLogin(each, client, parameters, options),
    ]);
    const token = await awaitDeviceLogin(server, client, started, { ...options, print: loginOptions?.print });
    if (token.refresh_token === undefined && asksForScope(parameters, 'offline_access')) {
      const event = { type: 'refresh_token_missing', issuer: session.issuer, expires_in: token.expires_in } as const;
      context.emit(event);
      await tellUser(session, event);
    }
    return token;
  }
  const { login } = await import('@oa/loopback');
  // The timeout of requests is not the time that a user has to log in.
  const { timeout: requestTimeout, ...others } = network;
  const options = { ...others, requestTimeout, app: context.options.app, ...loginOptions };
  const server = await session.server();
  const requirePkce = isPkceRequired(context.options, server);
  const { furtherResources } = session;
  const token = await login(server, client, parameters, {
    ...options,
    requirePkce,
    furtherResources,
    interaction: 'always',
    signal,
  });
  return furtherResources.length === 0 ? token : { ...token, named_resources: [...furtherResources] };
}

/** RFC 7523 and RFC 8693. An abort ends the request: an assertion can be asked for again. */
async function grantWithAssertion(
  session: Session,
  assertion: string | AssertionSource,
  { client, parameters, signal, network }: GrantAttempt,
): Promise<Token> {
  const { exchangeToken, jwtBearer } = await loadAssertionGrants();
  const options = { ...network, signal };
  if (session.grant_type === JWT_BEARER_GRANT_TYPE)
    return withServer(session, (server) => jwtBearer(server, client, { ...parameters, assertion }, options));
  const subject_token_type = String(parameters['subject_token_type']);
  const exchange = { ...parameters, subject_token: assertion, subject_token_type };
  return withServer(session, (server) => exchangeToken(server, client, exchange, options));
}
