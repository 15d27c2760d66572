import { isSecretExpiring, type ClientStore, type RememberedClients } from '@oa/client-store';
import { attempt, type Client, type OAuthError, type RequestOptions } from '@oa/types';
import type { Context } from './context.ts';
import { deferSignals } from './defer-signals.ts';
import type { Session } from './session.ts';

/**
 * What the server says of a registered client: `unknown` means that it refused to read it, `no_answer` that it offers no reading, or can't
 * be reached.
 */
export type ClientState = 'known' | 'unknown' | 'no_answer';

/** The remembered client, and its state. */
export interface ClientCheck {
  client: Client | undefined;
  state: ClientState;
  /** Whether the last login with it was not completed, so that a new one is registered unless the server still knows it. */
  doubtful: boolean;
}

/** A server that is slow to answer must not keep a user from logging in. */
const MAX_CHECK_MS = 10_000;

/**
 * Asks the server for the remembered client before a user is sent there (RFC 7592 section 2.1), and renews its secret if it is about to
 * expire. A server that has forgotten a client shows an error page to the user, and the login only ends at its timeout.
 *
 * @throws {OAuthError} a storage error, if the remembered client can't be read
 */
export async function checkRemembered(session: Session, clients: ClientStore): Promise<ClientCheck> {
  const found = await attempt(findRemembered(clients, session.issuer));
  // What is damaged is lost: a new client takes its place in the file.
  if (!found.ok && found.error.code !== 'corrupt_file') throw found.error;
  const { client, doubtful } = found.ok ? found.value : { client: undefined, doubtful: false };
  let state: ClientState = 'no_answer';
  if (client === undefined || !isManaged(client) || clients.update === undefined) return { client, state, doubtful };
  const revise = async (stored: Client): Promise<Client | undefined> => {
    const checked = await readAtServer(session, stored);
    ({ state } = checked);
    return state === 'unknown' ? undefined : checked.client;
  };
  const updated = await attempt(
    deferWhileRenewing(session, client, async () => clients.update?.(session.issuer, client.client_id, revise)),
  );
  // A store that can only be read still has a client.
  if (!updated.ok && updated.error.retryable) throw updated.error;
  return { client: (updated.ok ? updated.value : undefined) ?? client, state, doubtful };
}

/** The client with a renewed secret, where the secret is about to expire and the server renews it (RFC 7592). Else `client`. */
export async function renewExpiring(session: Session, client: Client): Promise<Client> {
  const { context, issuer } = session;
  if (!isSecretExpiring(client, context.now) || !isManaged(client)) return client;
  const revise = async (stored: Client): Promise<Client> =>
    // Another process may have renewed it while this one waited for the lock.
    isSecretExpiring(stored, context.now) ? (await readAtServer(session, stored)).client : stored;
  const clients = await context.clients();
  const updated = await attempt(
    deferWhileRenewing(session, client, async () => clients.update?.(issuer, client.client_id, revise)),
  );
  return (updated.ok ? updated.value : undefined) ?? client;
}

/** The answer to an update is the only copy of the new secret. A read changes nothing, so Ctrl-C ends it at once. */
async function deferWhileRenewing<T>(session: Session, client: Client, work: () => Promise<T>): Promise<T> {
  return isSecretExpiring(client, session.context.now) ? deferSignals(work) : work();
}

/**
 * A client that was just registered in place of one that the server refused to read. If the server refuses to read this one too, its
 * management does not work: it is not used again, or every login would register a client.
 */
export async function dropBrokenManagement(session: Session, client: Client): Promise<Client> {
  if (!isManaged(client)) return client;
  const checked = await readAtServer(session, client);
  if (checked.state !== 'unknown') return checked.client;
  const { registration_access_token: _token, registration_client_uri: _uri, ...rest } = client;
  return rest;
}

/**
 * All clients of the issuer that are remembered, whatever their state.
 *
 * @throws {OAuthError} a storage error, if they can't be read
 */
export async function findRemembered(clients: ClientStore, issuer: string): Promise<RememberedClients> {
  if (clients.find !== undefined) return clients.find(issuer);
  const client = await clients.lookup(issuer);
  // `lookup` never rejects. Whether there is no client, or the store can't be read, is what `list` tells.
  if (client === undefined) await clients.list();
  return { client, doubtful: false, former: [] };
}

async function readAtServer(
  { context, issuer }: Session,
  client: Client,
): Promise<{ client: Client; state: ClientState }> {
  const { readClient, updateClient } = await import('@oa/registration');
  const network = checkNetwork(context);
  const read = await attempt(readClient(client, network));
  if (!read.ok) return { client, state: isUnknownClient(read.error) ? 'unknown' : 'no_answer' };
  const known = withStoredMembers(read.value, client);
  if (!isSecretExpiring(known, context.now)) return { client: known, state: 'known' };
  // Every member is sent: a member that is left out is deleted (RFC 7592 section 2.2).
  const updated = await attempt(updateClient(known, known, network));
  if (!updated.ok || isSecretExpiring(updated.value, context.now)) return { client: known, state: 'known' };
  context.emit({ type: 'registration_renewed', issuer });
  return { client: withStoredMembers(updated.value, known), state: 'known' };
}

/** The options of a request that asks about a client. */
export function checkNetwork({ network }: Context): RequestOptions {
  return { ...network, timeout: Math.min(network.timeout ?? MAX_CHECK_MS, MAX_CHECK_MS) };
}

/** A server that leaves members out is assumed not to have changed them. The credentials are those of `answer`. */
export function withStoredMembers(answer: Client, stored: Client): Client {
  const { client_secret: _secret, client_secret_expires_at: _expiry, ...rest } = stored;
  return { ...rest, ...answer };
}

/** Whether the server lets the client read and update its registration. A token that no header can carry is not used. */
function isManaged({ registration_client_uri, registration_access_token }: Client): boolean {
  return registration_client_uri !== undefined && /^[\x21-\x7e]+$/.test(registration_access_token ?? '');
}

/** RFC 7592 section 2.1: 401 where the client does not exist. A 403 says nothing about that. */
function isUnknownClient({ status, error }: OAuthError): boolean {
  return [401, 404, 410].includes(status ?? 0) || ['invalid_token', 'invalid_client'].includes(error ?? '');
}
