import {
  attempt,
  isOAuthError,
  OAuthError,
  type AuthorizationServer,
  type Client,
  type Token,
  type TokenClient,
} from '@oa/types';
import { parseLoopbackUri } from '@oa/types/rfc';
import { findRemembered, renewExpiring } from './client-check.ts';
import type { Context } from './context.ts';
import { findDocumentClient, rememberRefusedDocument } from './document-client.ts';
import { findRegistration, type RegistrationNeeds } from './registration.ts';
import type { Session } from './session.ts';

/** A client, and what a token remembers of it. */
export interface FoundClient {
  client: Client;
  issued_to: TokenClient;
  /** Whether the client was registered earlier, and the server has not said in this call that it still knows it. */
  isUnconfirmed?: boolean;
}

/**
 * The client for a new grant: the configured one, else the program's metadata document, else the remembered registration, else a new
 * registration. A document that the server has refused lately is used only where no client can be registered.
 */
export async function findClient(session: Session): Promise<FoundClient> {
  const { configuredClient } = session;
  if (configuredClient !== undefined) return toFoundClient(configuredClient, 'configured');
  const server = await session.server();
  const document = await findDocumentClient(session, server);
  if (document?.isRefused === false) return toFoundClient(document.client, 'metadata_document');
  const registered = await attempt(findRegisteredClient(session, server));
  if (registered.ok) return registered.value;
  if (document === undefined || registered.error.code !== 'client_required') throw registered.error;
  return toFoundClient(document.client, 'metadata_document');
}

/** The remembered registration, else a new one. */
export async function findRegisteredClient(
  session: Session,
  server: AuthorizationServer,
  needs?: RegistrationNeeds,
): Promise<FoundClient> {
  const { context, issuer } = session;
  const unwritten = context.unwrittenClients.get(issuer);
  if (unwritten !== undefined) return { ...toFoundClient(unwritten, 'registration'), isUnconfirmed: true };
  const { client, isUnconfirmed } = await findRegistration(session, server, needs);
  return { ...toFoundClient(client, 'registration'), isUnconfirmed };
}

/**
 * The client that `token` was issued to, or `undefined` where it is not remembered any more. It is never registered: a refresh token
 * belongs to the client that obtained it, and the server revokes it if another client sends it (RFC 6749 section 6, RFC 9700 section
 * 4.14.2).
 *
 * @throws {OAuthError} a storage error, if the registration can't be read
 */
export async function findTokenClient(session: Session, token: Token): Promise<FoundClient | undefined> {
  const { configuredClient } = session;
  if (configuredClient !== undefined) return toFoundClient(configuredClient, 'configured');
  const { issued_to } = token;
  if (issued_to !== undefined && !issued_to.has_secret)
    return { client: { client_id: issued_to.client_id, token_endpoint_auth_method: 'none' }, issued_to };
  const registered = await findRegistrationOf(session, issued_to);
  return registered === undefined ? undefined : toFoundClient(await renewExpiring(session, registered), 'registration');
}

/** The registration that a token was issued to: the present one, or one that it has replaced. */
async function findRegistrationOf(
  { context, issuer }: Session,
  issued_to: TokenClient | undefined,
): Promise<Client | undefined> {
  const unwritten = context.unwrittenClients.get(issuer);
  if (issued_to !== undefined && unwritten?.client_id === issued_to.client_id) return unwritten;
  const { client, former } = await findRemembered(await context.clients(), issuer);
  // A token of an earlier version does not say which client obtained it. Replaced clients are remembered since that version.
  if (issued_to === undefined) return former.at(-1) ?? unwritten ?? client;
  return [client, ...former].find((each) => each?.client_id === issued_to.client_id);
}

function toFoundClient(client: Client, source: TokenClient['source']): FoundClient {
  const has_secret = source === 'configured' || client.client_secret !== undefined;
  return { client, issued_to: { client_id: client.client_id, source, has_secret } };
}

/**
 * Whether a grant failed because of a client that was registered dynamically, so that another one can succeed: the server no longer knows
 * it, or other programs use its ports and the options leave the port open.
 */
export function isRegistrationRefused({ configuredClient, context }: Session, error: unknown): boolean {
  if (configuredClient !== undefined || !isOAuthError(error)) return false;
  return error.error === 'invalid_client' || isPortTaken(context, error);
}

/** A port that another login uses after the whole wait is `retryable`: it is not taken for good. */
export function isPortTaken({ options: { login, registration } }: Context, { code, retryable }: OAuthError): boolean {
  const isFixed = registration?.redirect_uris !== undefined || ![login?.port ?? 0].flat().includes(0);
  return code === 'port_unavailable' && !retryable && !isFixed;
}

/**
 * Forgets a registration that the server refused, unless another process has replaced it meanwhile. One with a secret is only not used for
 * new logins: its server may know it again tomorrow, and its refresh tokens need it. A metadata document is not used for a while.
 */
export async function forgetRegistration(session: Session, client: Client): Promise<void> {
  const { context, issuer } = session;
  if (client.client_id === context.options.clientMetadata?.url)
    return rememberRefusedDocument(session, client.client_id);
  context.unwrittenClients.delete(issuer);
  const clients = await context.clients();
  const stored = await clients.lookup(issuer);
  if (stored?.client_id !== client.client_id) return;
  if (client.client_secret !== undefined && clients.update !== undefined)
    await clients.update(issuer, client.client_id, async () => undefined);
  else await clients.remove(issuer, client.client_id);
}

/** Replaces a registration whose ports other programs use. One without ports can be used with another port. */
export async function replaceBusyRegistration(session: Session, client: Client): Promise<void> {
  const hasPort = client.redirect_uris?.some((uri) => (parseLoopbackUri(uri)?.port ?? 0) !== 0) === true;
  if (!hasPort) return;
  session.context.unwrittenClients.delete(session.issuer);
  await findRegistration(session, await session.server(), { busy: client });
}

/**
 * Whether the user may have seen an error page of a server that does not know the client. In a device login the server knew it: it gave it a
 * code.
 */
export function mayHaveErrorPage({ grant_type }: Session, { code }: OAuthError): boolean {
  return code === 'login_timeout' && grant_type === 'authorization_code';
}

/**
 * The error for the caller of a login that failed with `error`. After a timeout with a client of an earlier run, the server may have
 * forgotten that client: many servers show an error page then, and do not redirect the browser. So the next run, of any process, registers
 * a new client.
 */
export async function doubtRegistration(session: Session, found: FoundClient, error: OAuthError): Promise<OAuthError> {
  if (!mayHaveErrorPage(session, error) || found.isUnconfirmed !== true) return error;
  const { context, issuer } = session;
  const { client_id } = found.client;
  if (context.unwrittenClients.get(issuer)?.client_id === client_id) context.unwrittenClients.delete(issuer);
  const clients = await context.clients();
  const doubted = await attempt(clients.doubt?.(issuer, client_id) ?? clients.remove(issuer, client_id));
  if (!doubted.ok) context.emit({ type: 'persist_failed', code: doubted.error.code, message: doubted.error.message });
  const next = doubted.ok
    ? 'The next login registers a new client.'
    : `That could not be noted (${doubted.error.message}), so call forgetClient of the manager to register a new client.`;
  return new OAuthError(
    'login_timeout',
    `${error.message} Another cause is the registration: the client was registered by an earlier run, and ${issuer} may have forgotten it. ${next}`,
    error,
  );
}
