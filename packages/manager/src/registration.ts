import { attempt, isStorageError, OAuthError, type AuthorizationServer, type Client } from '@oa/types';
import { mergeScopes } from '@oa/types/rfc';
import { checkRemembered, dropBrokenManagement, type ClientCheck, type ClientState } from './client-check.ts';
import type { Context } from './context.ts';
import { moveRegistration } from './move-registration.ts';
import { noteRegistrationFailure } from './other-issuer.ts';
import { registerForLogin } from './register-client.ts';
import type { Session } from './session.ts';
import { tellUser } from './tell-user.ts';

/** A registered client for a new grant. */
export interface UsableRegistration {
  client: Client;
  /** Whether an earlier call or process registered it, and the server has not said in this call that it still knows it. */
  isUnconfirmed: boolean;
}

/** Why a registration that could be used is not used as it is. */
export interface RegistrationNeeds {
  /** A registration whose ports other programs use. */
  busy?: Client | undefined;
  /** Scopes that the server has refused to the registration, separated by spaces. */
  scope?: string | undefined;
}

/**
 * The remembered registration, else a new one. Where it can't be stored it is remembered in memory.
 *
 * A registration that no login can use any more is replaced: the options have changed, a port is taken, or it lacks scopes. Where the
 * server lets clients update their registration, it gets new redirect URIs or scopes instead (RFC 7592 section 2.2).
 *
 * @throws {OAuthError} `storage_unavailable`, if the remembered one can't be read at the moment: it is not replaced
 */
export async function findRegistration(
  session: Session,
  server: AuthorizationServer,
  needs: RegistrationNeeds = {},
): Promise<UsableRegistration> {
  const { context, issuer } = session;
  let registered: Client | undefined;
  const registerOnce = async (state: ClientState, former?: Client): Promise<Client> => {
    // With the scopes of the one that it replaces: the next login for those would need another registration.
    const scope = needs.scope === undefined ? undefined : mergeScopes(former?.scope, needs.scope);
    const registering = await attempt(registerForLogin(session, server, scope));
    if (!registering.ok) throw noteRegistrationFailure(registering.error);
    const client = registering.value;
    registered = state === 'unknown' ? await dropBrokenManagement(session, client) : client;
    return registered;
  };
  try {
    const clients = await context.clients();
    const isUsable = await usableBy(context, needs);
    const check = await checkRemembered(session, clients);
    const isMisfit = check.client !== undefined && !isUsable(check.client);
    if (check.client !== undefined && isMisfit && check.state === 'known')
      await moveRegistration(session, clients, check.client, { isUsable, scope: needs.scope });
    const client = await clients.getOrRegister(issuer, async () => registerOnce(check.state, check.client), {
      redirect_uris: await neededRedirectUris(context, issuer),
      isUsable,
      now: context.now,
    });
    if (registered !== undefined)
      emitReplacement(session, check, isMisfit && (needs.scope === undefined ? 'redirect_uris' : 'scope'));
    return { client, isUnconfirmed: registered === undefined && check.state !== 'known' };
  } catch (error) {
    if (!isStorageError(error) || error.retryable) throw error;
    const event = { type: 'store_unavailable', code: error.code, message: error.message } as const;
    context.emit(event);
    const client = registered ?? (await registerWithoutStore(registerOnce('no_answer'), error));
    context.unwrittenClients.set(issuer, client);
    // Without its secret the next run can't refresh the token of this login.
    await tellUser(session, event);
    return { client, isUnconfirmed: false };
  }
}

function emitReplacement(
  { context, issuer }: Session,
  { state, doubtful }: ClientCheck,
  misfit: 'redirect_uris' | 'scope' | false,
): void {
  if (state === 'unknown') context.emit({ type: 'registration_replaced', issuer, reason: 'unknown_client' });
  else if (doubtful) context.emit({ type: 'registration_replaced', issuer, reason: 'login_timeout' });
  else if (misfit !== false) context.emit({ type: 'registration_replaced', issuer, reason: misfit });
}

/** Where no client can be registered, the one in the store may be the only one: the error says how to make it readable. */
async function registerWithoutStore(registering: Promise<Client>, storage: OAuthError): Promise<Client> {
  const registered = await attempt(registering);
  if (registered.ok) return registered.value;
  if (registered.error.retryable) throw registered.error;
  throw new OAuthError(
    storage.code,
    `${storage.message} Without the stored clients a new one is needed, and that failed: ${registered.error.message}`,
    registered.error,
  );
}

/**
 * Whether a login with the options of the manager can use a registration. Redirect URIs that the program has chosen itself would be the
 * same in a new one. Where the redirect URIs of a busy one have changed, another process has replaced or updated it.
 */
async function usableBy(
  { options }: Context,
  { busy, scope }: RegistrationNeeds,
): Promise<(client: Client) => boolean> {
  const { login, registration } = options;
  const isWide = (client: Client): boolean => scope === undefined || hasScopes(client, scope);
  if (registration?.redirect_uris !== undefined) return isWide;
  const { canReceive } = await import('@oa/loopback');
  const taken = String(busy?.redirect_uris);
  return (client) =>
    isWide(client) && canReceive(client, login) && (busy === undefined || String(client.redirect_uris) !== taken);
}

/** Whether a client is known to be registered with all these scopes. */
export function hasScopes(client: Client, scope: string): boolean {
  const registered = client.scope?.split(' ') ?? [];
  return scope.split(' ').every((each) => registered.includes(each));
}

/** A store of the program may know only these needs, and not `isUsable`. */
async function neededRedirectUris({ options }: Context, issuer: string): Promise<string[] | undefined> {
  const { login, registration } = options;
  if (login?.redirectHost === undefined || registration?.redirect_uris !== undefined) return undefined;
  const { loopbackRedirectUris } = await import('@oa/loopback');
  return loopbackRedirectUris({ redirectHost: login.redirectHost, issuer });
}
