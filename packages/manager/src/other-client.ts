import { attempt, OAuthError, type RequestParameters } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import {
  doubtRegistration,
  findRegisteredClient,
  forgetRegistration,
  mayHaveErrorPage,
  isPortTaken,
  isRegistrationRefused,
  replaceBusyRegistration,
  type FoundClient,
} from './client.ts';
import { rememberRefusedDocument } from './document-client.ts';
import { hasScopes } from './registration.ts';
import type { Session } from './session.ts';

/** How a server says that it does not accept the client of a document, at any step. */
const CLIENT_REFUSALS: ReadonlySet<string | undefined> = new Set([
  // The server can't read the document, or accepts no documents of this host.
  'invalid_client',
  'invalid_client_metadata',
  // The client may not use the code grant, which every document has. In a device login it says something about that grant only.
  'unauthorized_client',
  // Those of the document do not suit the server.
  'invalid_redirect_uri',
  'redirect_uri_mismatch',
]);

/** A grant that failed, the client that made it, and what it sent. */
interface FailedGrant {
  found: FoundClient;
  error: OAuthError;
  parameters: RequestParameters;
}

/**
 * The client for one more attempt, after a grant has failed.
 *
 * @throws {OAuthError} what the caller is told, where no other client helps
 */
export async function findOtherClient(session: Session, failed: FailedGrant): Promise<FoundClient> {
  const { found, error } = failed;
  if (found.issued_to.source === 'metadata_document')
    return findInsteadOfDocument(session, found.client.client_id, error);
  const scope = refusedScope(failed);
  if (scope !== undefined) return findWithScope(session, scope, error);
  if (!isRegistrationRefused(session, error)) throw await doubtRegistration(session, found, error);
  const replace = error.code === 'port_unavailable' ? replaceBusyRegistration : forgetRegistration;
  await replace(session, found.client);
  return session.client();
}

/** A registration, where the server refuses the metadata document, or the grant to it, or other programs use its ports. */
async function findInsteadOfDocument(session: Session, url: string, error: OAuthError): Promise<FoundClient> {
  if (mayHaveErrorPage(session, error)) throw await doubtDocument(session, url, error);
  const isOnlyGrantRefused = isDeviceRefusal(session, error);
  const { isClientRefused } = await import('@oa/client-authentication/refusal');
  const isRefused = !isOnlyGrantRefused && (CLIENT_REFUSALS.has(error.error) || isClientRefused(error, false));
  if (!isRefused && !isOnlyGrantRefused && !isPortTaken(session.context, error)) throw error;
  if (isRefused) await rememberRefusedDocument(session, url);
  const registered = await attempt(findRegisteredClient(session, await session.server()));
  if (registered.ok) return registered.value;
  if (!isRefused) throw error;
  throw new OAuthError(
    error.code,
    `${error.message} The server refused the client metadata document ${url}, and no client could be registered instead: ${registered.error.message}`,
    error,
  );
}

/**
 * Whether the client may not make device logins. It may make others.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
function isDeviceRefusal({ grant_type }: Session, { error }: OAuthError): boolean {
  return grant_type === DEVICE_CODE_GRANT_TYPE && error === 'unauthorized_client';
}

/** A server that can't use the document shows an error page, and does not redirect the browser. Or the user left. */
async function doubtDocument(session: Session, url: string, error: OAuthError): Promise<OAuthError> {
  const { issuer } = session;
  await rememberRefusedDocument(session, url);
  const { registration_endpoint } = await session.server();
  const next =
    registration_endpoint === undefined
      ? 'Check the document and whether the server can read it.'
      : 'The next login registers a client instead.';
  return new OAuthError(
    'login_timeout',
    `${error.message} Another cause is the client metadata document: ${issuer} may not accept ${url}. ${next}`,
    error,
  );
}

/** The scopes that the server has refused to a registered client, unless the client is registered with them. */
function refusedScope({ found: { client, issued_to }, error, parameters: { scope } }: FailedGrant): string | undefined {
  const isLimited = error.error === 'invalid_scope' && issued_to.source === 'registration';
  return isLimited && typeof scope === 'string' && !hasScopes(client, scope) ? scope : undefined;
}

/** The client with more scopes, or a new one with them. If the server refuses that too, the scopes are wrong. */
async function findWithScope(session: Session, scope: string, error: OAuthError): Promise<FoundClient> {
  const { context, issuer } = session;
  context.unwrittenClients.delete(issuer);
  const found = await attempt(findRegisteredClient(session, await session.server(), { scope }));
  if (found.ok) return found.value;
  throw error;
}
