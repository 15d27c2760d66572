import { isOAuthError, isStorageError, OAuthError, type AuthorizationServer, type Client } from '@oa/types';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/** The configured client, else the program's metadata document, else the remembered registration, else a new one. */
export async function clientFor(context: Context, session: Session, server: AuthorizationServer): Promise<Client> {
  const known = session.client ?? metadataDocument(context, server) ?? context.unwrittenClients.get(session.issuer);
  if (known !== undefined) return known;
  let registered: Client | undefined;
  const register = async (): Promise<Client> => {
    registered = await registerAt(context, session, server);
    return registered;
  };
  try {
    return await (await context.clients()).getOrRegister(session.issuer, register, await wantedRedirects(context));
  } catch (error) {
    if (!isStorageError(error)) throw error;
    context.emit({ type: 'store_unavailable', code: error.code, message: error.message });
    const client = registered ?? (await register());
    context.unwrittenClients.set(session.issuer, client);
    return client;
  }
}

/** A client identified by the URL of its metadata document needs no registration, where the server can read one. */
function metadataDocument({ options }: Context, server: AuthorizationServer): Client | undefined {
  if (options.clientMetadataUrl === undefined || server.client_id_metadata_document_supported !== true)
    return undefined;
  return { client_id: options.clientMetadataUrl, token_endpoint_auth_method: 'none' };
}

async function registerAt(context: Context, session: Session, server: AuthorizationServer): Promise<Client> {
  if (server.registration_endpoint === undefined) throw clientRequired(session);
  const [{ registerClient }, { loopbackRedirectUris }] = await Promise.all([
    import('@oa/registration'),
    import('@oa/loopback'),
  ]);
  const { scope } = session.wire;
  const metadata = {
    client_name: context.options.app ?? 'oa',
    redirect_uris: loopbackRedirectUris(context.options.login),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...(typeof scope === 'string' && { scope }),
    ...context.options.registration,
  };
  const client = await registerClient(server, metadata, context.network).catch((error: unknown) => {
    // The conventional endpoint is a guess, and some metadata names one that its server has switched off.
    throw isOAuthError(error) && error.code === 'http_error' && error.status === 404 ? clientRequired(session) : error;
  });
  context.emit({ type: 'registered', issuer: session.issuer });
  return client;
}

function clientRequired({ issuer }: Session): OAuthError {
  return new OAuthError(
    'client_required',
    `${issuer} does not register clients by itself. Three ways out: register the program there by hand and pass its client_id; ` +
      'set clientMetadataUrl, if the server supports client metadata documents; or use an issuer that supports dynamic registration (RFC 7591).',
  );
}

/** A registration made before the program asked for another redirect host is of no use to it. */
async function wantedRedirects({ options }: Context): Promise<{ redirect_uris?: string[] }> {
  if (options.login?.redirectHost === undefined) return {};
  const { loopbackRedirectUris } = await import('@oa/loopback');
  return { redirect_uris: loopbackRedirectUris({ redirectHost: options.login.redirectHost }) };
}

/** Whether the server no longer knows a client that was registered dynamically. */
export function isRegistrationDead(session: Session, error: unknown): boolean {
  return session.client === undefined && isOAuthError(error) && error.error === 'invalid_client';
}

/** Forgets a dead registration, if it is still the remembered one. */
export async function forgetRegistration(context: Context, session: Session, client: Client): Promise<void> {
  context.unwrittenClients.delete(session.issuer);
  const clients = await context.clients();
  const stored = await clients.lookup(session.issuer);
  if (stored?.client_id === client.client_id) await clients.remove(session.issuer);
}
