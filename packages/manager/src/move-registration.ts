import type { ClientStore } from '@oa/client-store';
import { attempt, type Client } from '@oa/types';
import { mergeScopes } from '@oa/types/rfc';
import { checkNetwork, withStoredMembers } from './client-check.ts';
import { deferSignals } from './defer-signals.ts';
import { sendRedirectUris } from './register-client.ts';
import type { Session } from './session.ts';

/** What a registration is changed for. */
interface RegistrationChange {
  /** Whether a registration needs no change, because another process has made it. */
  isUsable: (client: Client) => boolean;
  /** The scopes to add. Without them the registration gets new redirect URIs. */
  scope: string | undefined;
}

/**
 * Gives a registration new redirect URIs or more scopes (RFC 7592 section 2.2), unless another process has done so. Where the server
 * refuses, the registration stays as it is.
 */
export async function moveRegistration(
  session: Session,
  clients: ClientStore,
  client: Client,
  { isUsable, scope }: RegistrationChange,
): Promise<void> {
  const { context, issuer } = session;
  const revise = async (stored: Client): Promise<Client> => {
    if (isUsable(stored)) return stored;
    const moved = await attempt(
      scope === undefined
        ? sendRedirectUris(session, (redirect_uris) => changeAtServer(session, stored, { redirect_uris }))
        : addScopes(session, stored, scope),
    );
    if (!moved.ok) return stored;
    if (isUsable(moved.value)) context.emit({ type: 'registration_renewed', issuer });
    // Also where the server kept the old redirect URIs: its answer may have new credentials.
    return moved.value;
  };
  const updated = await attempt(deferSignals(async () => clients.update?.(issuer, client.client_id, revise)));
  if (!updated.ok && updated.error.retryable) throw updated.error;
}

/** What was asked for is remembered, so that it is asked for once. */
async function addScopes(session: Session, client: Client, scope: string): Promise<Client> {
  const asked = mergeScopes(client.scope, scope);
  return { ...(await changeAtServer(session, client, { scope: asked })), scope: asked };
}

/** Every member is sent, as the server knows it: a member that is left out is deleted. */
async function changeAtServer({ context }: Session, client: Client, change: Partial<Client>): Promise<Client> {
  const { readClient, updateClient } = await import('@oa/registration');
  const network = checkNetwork(context);
  const known = withStoredMembers(await readClient(client, network), client);
  return withStoredMembers(await updateClient(known, { ...known, ...change }, network), known);
}
