import { attempt, OAuthError, type AuthorizationServer, type Client, type Token } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import { forgetRegistration, isRegistrationRefused } from './client.ts';
import { toOutcome, type Failed, type Renewed } from './outcome.ts';
import type { GrantReason, Session } from './session.ts';

/** Whether a new grant can be made: it needs no user, or a user can be asked. */
export async function canObtain({ grant_type, context: { options } }: Session): Promise<boolean> {
  if (grant_type === 'client_credentials') return true;
  const { isInteractive } = await import('@oa/loopback');
  return isInteractive({ ...options.login, interaction: options.interaction });
}

/** @param refusal the server's refusal of the refresh token, where that made the login necessary */
export function loginRequired({ issuer }: Session, refusal?: OAuthError): OAuthError {
  const why =
    refusal === undefined ? 'No usable token is stored' : `The session has ended (${refusal.error ?? refusal.code})`;
  return new OAuthError(
    refusal?.code === 'refresh_interrupted' ? 'refresh_interrupted' : 'login_required',
    `A user must log in at ${issuer}. ${why}, and no user can be asked here. ` +
      'Run the program once in a terminal, or use the client credentials of a service.',
    refusal,
  );
}

/** A new token by the grant of the session, stored. A registration that the server has forgotten is replaced, once. */
export async function obtain(session: Session, reason: GrantReason, signal: AbortSignal): Promise<Renewed | Failed> {
  return toOutcome(grantAndStore(session, reason, signal));
}

async function grantAndStore(session: Session, reason: GrantReason, signal: AbortSignal): Promise<Token> {
  const { context, issuer, key, grant_type } = session;
  const refusal = typeof reason === 'string' ? undefined : reason;
  if (!(await canObtain(session))) throw loginRequired(session, refusal);
  const why = typeof reason === 'string' ? reason : 'session_ended';
  context.emit({ type: 'grant_needed', issuer, grant_type, reason: why });
  const server = await session.server();
  let { client, issued_to } = await session.client();
  let granted: Token;
  try {
    granted = await grant(session, server, client, signal);
  } catch (error) {
    if (!isRegistrationRefused(session, error)) throw error;
    await forgetRegistration(session, client);
    ({ client, issued_to } = await session.client());
    granted = await grant(session, server, client, signal);
  }
  const token: Token = { ...granted, issued_to };
  await context.tokens.set(key, token);
  await bindClient(session);
  context.emit({ type: 'obtained', issuer, grant_type });
  return token;
}

/** From now on no resource can lead the client of the program to another issuer. */
async function bindClient({ context, issuer, configuredClient, isPinned }: Session): Promise<void> {
  if (configuredClient === undefined || isPinned) return;
  const { clientIssuers, emit } = context;
  const added = await attempt((async () => (await clientIssuers()).add(configuredClient.client_id, issuer))());
  if (!added.ok) emit({ type: 'persist_failed', code: added.error.code, message: added.error.message });
}

async function grant(
  { context, grant_type, parameters, network }: Session,
  server: AuthorizationServer,
  client: Client,
  signal: AbortSignal,
): Promise<Token> {
  const { login: loginOptions } = context.options;
  if (grant_type === 'client_credentials') {
    const { clientCredentials } = await import('@oa/client-credentials');
    return clientCredentials(server, client, parameters, network);
  }
  if (grant_type === DEVICE_CODE_GRANT_TYPE) {
    const { startDeviceLogin, awaitDeviceLogin } = await import('@oa/device-code');
    const options = { ...network, signal };
    const started = await startDeviceLogin(server, client, parameters, options);
    return awaitDeviceLogin(server, client, started, { ...options, print: loginOptions?.print });
  }
  const { login } = await import('@oa/loopback');
  // The timeout of requests is not the time that a user has to log in.
  const options = { ...network, timeout: undefined, ...loginOptions };
  return login(server, client, parameters, { ...options, interaction: 'always', signal });
}
