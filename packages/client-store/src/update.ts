import { setBounded } from '@oa/mechanisms';
import { reservePrivate } from '@oa/private-file';
import { attempt, type Client, type LockOptions } from '@oa/types';
import { parseEntry, toDoubtfulEntry, toEntryWithout, toEntryWithUpdated, toRetiredEntry } from './entry.ts';
import { lockRegistrations, readRegistrations, writeRegistrations } from './file.ts';
import { toStorableClient } from './members.ts';
import { MAX_UNSTORED_CLIENTS, type IssuerStore } from './register.ts';

/** One remembered client, and what becomes of it. */
interface ClientUpdate {
  client_id: string;
  revise: (client: Client) => Promise<Client | undefined>;
  options: Pick<LockOptions<never>, 'signal' | 'timeout'>;
}

/** Replaces a remembered client with what `revise` makes of it. Room is reserved first: the answer of a server may be its only copy. */
export async function updateStoredClient(
  store: IssuerStore,
  { client_id, revise, options }: ClientUpdate,
): Promise<Client | undefined> {
  const { file, issuer, unstored, onEvent } = store;
  const work = async (): Promise<Client | undefined> => {
    const registrations = await readRegistrations(file);
    const before = registrations.entries.get(issuer);
    const { client: present, former } = parseEntry(before);
    const client = [present, ...former].find((each) => each?.client_id === client_id);
    if (before === undefined || client === undefined) return undefined;
    const room = await reservePrivate(file);
    try {
      const answer = await revise(client);
      if (answer === client || (answer === undefined && client !== present)) return answer;
      const revised = answer === undefined ? undefined : { ...toStorableClient(answer), client_id };
      const entry = revised === undefined ? toRetiredEntry(before) : toEntryWithUpdated(before, revised);
      const stored =
        entry === before || (await attempt(writeRegistrations(file, registrations, { issuer, entry }, room)));
      if (stored === true || stored.ok) return revised;
      if (revised !== undefined && client === present) setBounded(unstored, issuer, revised, MAX_UNSTORED_CLIENTS);
      onEvent?.({ type: 'persist_failed', code: stored.error.code, message: stored.error.message });
      return revised;
    } finally {
      // What is left of the room is removed by the next write.
      await Promise.allSettled([room.release()]);
    }
  };
  return lockRegistrations(file, work, options);
}

/** Marks the present client, if it still has this `client_id`. */
export async function doubtStoredClient(store: IssuerStore, client_id: string): Promise<void> {
  await changeEntry(store, (before) => {
    const { client, doubtful } = parseEntry(before);
    return client?.client_id !== client_id || doubtful ? before : toDoubtfulEntry(before);
  });
  if (store.unstored.get(store.issuer)?.client_id === client_id) store.unstored.delete(store.issuer);
}

/** Removes the client with this `client_id`; without one, all clients of the issuer. */
export async function removeStoredClient(store: IssuerStore, client_id: string | undefined): Promise<void> {
  const { unstored, issuer } = store;
  if (client_id === undefined || unstored.get(issuer)?.client_id === client_id) unstored.delete(issuer);
  await changeEntry(store, (before) => {
    if (client_id === undefined) return undefined;
    const { client, former } = parseEntry(before);
    const isKnown = [client, ...former].some((each) => each?.client_id === client_id);
    return isKnown ? toEntryWithout(before, client_id) : before;
  });
}

async function changeEntry(
  { file, issuer }: IssuerStore,
  change: (before: string) => string | undefined,
): Promise<void> {
  await lockRegistrations(file, async () => {
    const registrations = await readRegistrations(file);
    const before = registrations.entries.get(issuer);
    if (before === undefined) return;
    const entry = change(before);
    if (entry !== before) await writeRegistrations(file, registrations, { issuer, entry });
  });
}
