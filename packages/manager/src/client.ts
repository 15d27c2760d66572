import { DEFAULT_APP } from '@oa/private-file';
import type { ClientMetadata } from '@oa/registration';
import {
  explainGuess,
  isOAuthError,
  isStorageError,
  OAuthError,
  type AuthorizationServer,
  type Client,
  type Token,
  type TokenClient,
} from '@oa/types';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/** A client, and what a token remembers of it. */
export interface FoundClient {
  client: Client;
  issued_to: TokenClient;
}

/**
 * The client for a new grant: the configured one, else the program's metadata document, else the remembered registration, else a new
 * registration.
 */
export async function findClient(session: Session): Promise<FoundClient> {
  const { context, issuer, configuredClient } = session;
  if (configuredClient !== undefined) return found(configuredClient, 'configured');
  const server = await session.server();
  const document = metadataDocumentClient(context, server);
  if (document !== undefined) return found(document, 'metadata_document');
  return found(context.unwrittenClients.get(issuer) ?? (await findRegistration(session, server)), 'registration');
}

/**
 * The client that `token` was issued to, or `undefined` where it is not remembered any more. It is never registered: a refresh token
 * belongs to the client that obtained it, and the server revokes it if another client sends it (RFC 6749 section 6, RFC 9700 section
 * 4.14.2).
 *
 * @throws {OAuthError} a storage error, if the registration can't be read
 */
export async function findTokenClient(session: Session, token: Token): Promise<FoundClient | undefined> {
  const { context, issuer, configuredClient } = session;
  if (configuredClient !== undefined) return found(configuredClient, 'configured');
  const { issued_to } = token;
  if (issued_to !== undefined && !issued_to.has_secret)
    return { client: { client_id: issued_to.client_id, token_endpoint_auth_method: 'none' }, issued_to };
  const registered = context.unwrittenClients.get(issuer) ?? (await readRegistration(session));
  // A token of an earlier version does not say which client obtained it.
  if (registered === undefined || (issued_to !== undefined && registered.client_id !== issued_to.client_id))
    return undefined;
  return found(registered, 'registration');
}

function found(client: Client, source: TokenClient['source']): FoundClient {
  const has_secret = source === 'configured' || client.client_secret !== undefined;
  return { client, issued_to: { client_id: client.client_id, source, has_secret } };
}

/**
 * The remembered registration, whatever its state.
 *
 * @throws {OAuthError} a storage error, if the registration can't be read
 */
async function readRegistration({ context, issuer }: Session): Promise<Client | undefined> {
  const clients = await context.clients();
  const client = await clients.lookup(issuer);
  // `lookup` never rejects. Whether there is no client, or the store can't be read, is what `list` tells.
  if (client === undefined) await clients.list();
  return client;
}

/** A client that is identified by the URL of its metadata document needs no registration, where the server supports such documents. */
function metadataDocumentClient({ options }: Context, server: AuthorizationServer): Client | undefined {
  if (options.clientMetadataUrl === undefined || server.client_id_metadata_document_supported !== true)
    return undefined;
  return { client_id: options.clientMetadataUrl, token_endpoint_auth_method: 'none' };
}

/** The remembered registration, else a new one. Where it can't be stored it is remembered in memory. */
async function findRegistration(session: Session, server: AuthorizationServer): Promise<Client> {
  const { context, issuer } = session;
  let registered: Client | undefined;
  const registerOnce = async (): Promise<Client> => {
    registered = await register(session, server);
    return registered;
  };
  try {
    const clients = await context.clients();
    return await clients.getOrRegister(issuer, registerOnce, {
      redirect_uris: await neededRedirectUris(context, issuer),
    });
  } catch (error) {
    if (!isStorageError(error)) throw error;
    context.emit({ type: 'store_unavailable', code: error.code, message: error.message });
    const client = registered ?? (await registerOnce());
    context.unwrittenClients.set(issuer, client);
    return client;
  }
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

/** Whether the server no longer knows a client that was registered dynamically. */
export function isRegistrationRefused({ configuredClient }: Session, error: unknown): boolean {
  return configuredClient === undefined && isOAuthError(error) && error.error === 'invalid_client';
}

/** Forgets a registration that the server refused, unless another process has replaced it meanwhile. */
export async function forgetRegistration({ context, issuer }: Session, client: Client): Promise<void> {
  context.unwrittenClients.delete(issuer);
  const clients = await context.clients();
  const stored = await clients.lookup(issuer);
  if (stored?.client_id === client.client_id) await clients.remove(issuer);
}
