import { DEFAULT_APP } from '@oa/private-file';
import type { ClientMetadata } from '@oa/registration';
import {
  attempt,
  explainGuess,
  isOAuthError,
  isStorageError,
  OAuthError,
  type AuthorizationServer,
  type Client,
} from '@oa/types';
import { checkRemembered, dropBrokenManagement, type ClientCheck, type ClientState } from './client-check.ts';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/** A registered client for a new grant. */
export interface UsableRegistration {
  client: Client;
  /** Whether an earlier call or process registered it, and the server has not said in this call that it still knows it. */
  isUnconfirmed: boolean;
}

/**
 * The remembered registration, else a new one. Where it can't be stored it is remembered in memory.
 *
 * @throws {OAuthError} `storage_unavailable`, if the remembered one can't be read at the moment: it is not replaced
 */
export async function findRegistration(session: Session, server: AuthorizationServer): Promise<UsableRegistration> {
  const { context, issuer } = session;
  let registered: Client | undefined;
  const registerOnce = async (state: ClientState): Promise<Client> => {
    const client = await register(session, server);
    registered = state === 'unknown' ? await dropBrokenManagement(session, client) : client;
    return registered;
  };
  try {
    const clients = await context.clients();
    const check = await checkRemembered(session, clients);
    const client = await clients.getOrRegister(issuer, async () => registerOnce(check.state), {
      redirect_uris: await neededRedirectUris(context, issuer),
      now: context.now,
    });
    if (registered !== undefined) emitReplacement(session, check);
    return { client, isUnconfirmed: registered === undefined && check.state !== 'known' };
  } catch (error) {
    if (!isStorageError(error) || error.retryable) throw error;
    context.emit({ type: 'store_unavailable', code: error.code, message: error.message });
    const client = registered ?? (await registerWithoutStore(registerOnce('no_answer'), error));
    context.unwrittenClients.set(issuer, client);
    return { client, isUnconfirmed: false };
  }
}

function emitReplacement({ context, issuer }: Session, { state, doubtful }: ClientCheck): void {
  if (state === 'unknown') context.emit({ type: 'registration_replaced', issuer, reason: 'unknown_client' });
  else if (doubtful) context.emit({ type: 'registration_replaced', issuer, reason: 'login_timeout' });
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

async function register(
  { context, issuer, parameters, isPinned }: Session,
  server: AuthorizationServer,
): Promise<Client> {
  if (server.registration_endpoint === undefined) throw clientRequired(issuer);
  const { app = DEFAULT_APP, login, registration } = context.options;
  const [{ registerClient }, { loopbackRedirectUris }] = await Promise.all([
    import('@oa/registration'),
    import('@oa/loopback'),
  ]);
  const redirect_uris = loopbackRedirectUris({ ...login, issuer });
  const metadata: ClientMetadata = {
    client_name: app,
    redirect_uris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    scope: typeof parameters['scope'] === 'string' ? parameters['scope'] : undefined,
    ...registration,
  };
  // A statement vouches for the program. A server that only the resource names could use it elsewhere.
  if (!isPinned) metadata.software_statement = undefined;
  const client = await explainGuess(server, context.network, (network) =>
    registerClient(server, metadata, network).catch((error: unknown) => {
      // The conventional endpoint is a guess, and some metadata names an endpoint that its server has switched off.
      throw isOAuthError(error) && error.code === 'http_error' && error.status === 404 ? clientRequired(issuer) : error;
    }),
  );
  context.emit({ type: 'registered', issuer });
  // A server that does not say what it registered is taken at its word that it registered what it was asked for.
  return { redirect_uris, ...client };
}

function clientRequired(issuer: string): OAuthError {
  return new OAuthError(
    'client_required',
    `${issuer} does not register clients dynamically. There are three ways out: register the program there by hand and pass its client_id; ` +
      'set clientMetadataUrl, if the server supports client metadata documents; or use an issuer that supports dynamic registration (RFC 7591).',
  );
}

/** A registration made before the program asked for another redirect host can't be used with that host. */
async function neededRedirectUris({ options }: Context, issuer: string): Promise<string[] | undefined> {
  if (options.login?.redirectHost === undefined) return undefined;
  const { loopbackRedirectUris } = await import('@oa/loopback');
  return loopbackRedirectUris({ redirectHost: options.login.redirectHost, issuer });
}
