import { setBounded } from '@oa/mechanisms';
import { reservePrivate } from '@oa/private-file';
import { attempt, type Client, type LockOptions } from '@oa/types';
import { parseEntry, sealEntry, toDoubtfulEntry, toEntryWithout, toEntryWithUpdated, toRetiredEntry } from './entry.ts';
import { lockRegistrations, readRegistrations, writeRegistrations } from './file.ts';
import { toStorableClient } from './members.ts';
import { MAX_UNSTORED_CLIENTS, type IssuerStore } from './register.ts';
import { sealClient, unsealClient } from './sealed.ts';

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
    const stored = registrations.entries.get(issuer);
    const { client: present, former } = parseEntry(stored);
    const sealed = [present, ...former].find((each) => each?.client_id === client_id);
    if (stored === undefined || sealed === undefined) return undefined;
    const client = await unsealClient(sealed, store);
    const before = await sealEntry(stored, store);
    const isPresent = sealed === present;
    const room = await reservePrivate(file);
    try {
      const answer = await revise(client);
      if (answer === client || (answer === undefined && !isPresent)) return answer;
      const revised = answer === undefined ? undefined : { ...toStorableClient(answer), client_id };
      const entry =
        revised === undefined ? toRetiredEntry(before) : toEntryWithUpdated(before, await sealClient(revised, store));
      const written =
        entry === stored || (await attempt(writeRegistrations(file, registrations, { issuer, entry }, room)));
      if (written === true || written.ok) return revised;
      if (revised !== undefined && isPresent) setBounded(unstored, issuer, revised, MAX_UNSTORED_CLIENTS);
      onEvent?.({ type: 'persist_failed', code: written.error.code, message: written.error.message });
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

async function changeEntry(store: IssuerStore, change: (before: string) => string | undefined): Promise<void> {
  const { file, issuer } = store;
  await lockRegistrations(file, async () => {
    const registrations = await readRegistrations(file);
    const before = registrations.entries.get(issuer);
    if (before === undefined) return;
    const entry = change(before);
    if (entry === before) return;
    // Without the key the entry stays as it is: a client can be removed all the same.
    const sealed = entry === undefined ? undefined : await attempt(sealEntry(entry, store));
    await writeRegistrations(file, registrations, { issuer, entry: sealed?.ok === true ? sealed.value : entry });
  });
}
