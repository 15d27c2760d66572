import { OAuthError, type AuthorizationServer, type Client, type Token } from '@oa/types';
import { clientFor, forgetRegistration, isRegistrationDead } from './client.ts';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

/** Whether a new grant needs a person, and none may be asked. */
export async function isStuck({ options }: Context, session: Session): Promise<boolean> {
  if (session.grant_type === 'client_credentials') return false;
  const { canAskPerson } = await import('@oa/loopback');
  return !canAskPerson({ ...options.login, interaction: options.interaction ?? 'auto' });
}

/** Says what is missing, and why: `cause` is the refusal that made the login necessary. */
export function loginRequired(session: Session, cause?: OAuthError): OAuthError {
  const why =
    cause === undefined ? 'no usable token is cached' : `the session has ended (${cause.error ?? cause.code})`;
  return new OAuthError(
    cause?.code === 'refresh_interrupted' ? 'refresh_interrupted' : 'login_required',
    `a person has to log in at ${session.issuer}: ${why}, and nobody can be asked here. ` +
      'Run the program once in a terminal, or use the client credentials of a service.',
    cause,
  );
}

/** Why a refresh would not do. The refusal, where there was one. */
export type Reason = 'nothing_stored' | 'not_refreshable' | OAuthError;

/** A new token by the grant of the session, stored. A registration that the server has forgotten is made anew, once. */
export async function obtain(context: Context, session: Session, signal: AbortSignal, why: Reason): Promise<Token> {
  const { issuer, grant_type } = session;
  const refused = typeof why !== 'string';
  if (await isStuck(context, session)) throw loginRequired(session, refused ? why : undefined);
  context.emit({ type: 'grant_needed', issuer, grant_type, reason: refused ? 'session_ended' : why });
  const server = await session.server();
  const client = await clientFor(context, session, server);
  let token: Token;
  try {
    token = await grant(context, session, server, client, signal);
  } catch (error) {
    if (!isRegistrationDead(session, error)) throw error;
    await forgetRegistration(context, session, client);
    token = await grant(context, session, server, await clientFor(context, session, server), signal);
  }
  await context.cache.set(session.key, token);
  context.emit({ type: 'obtained', issuer, grant_type });
  return token;
}

async function grant(
  context: Context,
  session: Session,
  server: AuthorizationServer,
  client: Client,
  signal: AbortSignal,
): Promise<Token> {
  const { grant_type, wire } = session;
  if (grant_type === 'client_credentials') {
    const { clientCredentials } = await import('@oa/client-credentials');
    return clientCredentials(server, client, wire, context.network);
  }
  if (grant_type === DEVICE) {
    const { startDeviceLogin, awaitDeviceLogin } = await import('@oa/device-code');
    const started = await startDeviceLogin(server, client, wire, { ...context.network, signal });
    const print = context.options.login?.print;
    return awaitDeviceLogin(server, client, started, { ...context.network, ...(print && { print }), signal });
  }
  const { login } = await import('@oa/loopback');
  // A person is given more time than a server.
  const { timeout: _, ...network } = context.network;
  return login(server, client, wire, { ...network, ...context.options.login, interaction: 'always', signal });
}
