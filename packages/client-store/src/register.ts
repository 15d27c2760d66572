import { reservePrivate } from '@oa/private-file';
import { attempt, type Client, type KeySource, type OAuthEvent } from '@oa/types';
import { setBounded } from '@oa/mechanisms';
import { parseEntry, sealEntry, toEntryWithNew } from './entry.ts';
import { lockRegistrations, readRegistrations, writeRegistrations, type Registrations } from './file.ts';
import { isFittingClient, isSecretExpiring } from './fits.ts';
import { toStorableClient } from './members.ts';
import { assertKeyFor, assertSealable, sealClient, unsealClient } from './sealed.ts';

/** Bounds the memory of a program that takes issuers from strangers. */
export const MAX_UNSTORED_CLIENTS = 20;

/** What the client is needed for, and how long to wait for another process that registers one. */
export interface GetOrRegisterOptions {
  /**
   * A stored client that lacks one of these is not returned. The port of a loopback URI does not count.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
   */
  redirect_uris?: readonly string[] | undefined;
  /** Whether the caller can use a stored client. One that it can't use is replaced. */
  isUsable?: ((client: Client) => boolean) | undefined;
  /** Ends the wait for another process. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds to wait for another process.
   *
   * @default 600_000, ten minutes
   */
  timeout?: number | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  now?: (() => number) | undefined;
}

/** The part of a store that belongs to one issuer. */
export interface IssuerStore {
  file: string;
  issuer: string;
  /** The clients that could not be stored, by issuer. They are used until the program ends. */
  unstored: Map<string, Client>;
  encryption: KeySource | undefined;
  onEvent: ((event: OAuthEvent) => void) | undefined;
}

/** The stored client if it fits; else a new one, registered with the lock held, so that no other process does the same. */
export async function getOrRegisterClient(
  store: IssuerStore,
  register: () => Promise<Client>,
  options: GetOrRegisterOptions,
): Promise<Client> {
  const { file, issuer, unstored } = store;
  const { redirect_uris, isUsable, now = Date.now, signal, timeout } = options;
  const isFitting = (client: Client): boolean => isFittingClient(client, { redirect_uris, isUsable, now });
  const findFitting = async ({ entries }: Registrations, evenDoubtful = false): Promise<Client | undefined> => {
    const inMemory = unstored.get(issuer);
    if (inMemory !== undefined && isFitting(inMemory)) return inMemory;
    const { client, doubtful } = parseEntry(entries.get(issuer));
    // A client that is replaced in any case needs no key.
    const isCandidate = client !== undefined && isFittingClient(client, { redirect_uris, now });
    if (!isCandidate || (doubtful && !evenDoubtful)) return undefined;
    const unsealed = await unsealClient(client, store);
    return isFitting(unsealed) ? unsealed : undefined;
  };
  const registerNew = async (): Promise<Client> => dropPastExpiry(toStorableClient(await register()), now);
  const look = async (): Promise<Client | undefined> => findFitting(await readRegistrations(file));
  const work = async (): Promise<Client> => {
    const registrations = await readRegistrations(file);
    const fitting = await findFitting(registrations);
    if (fitting !== undefined) return fitting;
    reportDamage(store, registrations);
    const registered = await attempt(registerAndStore(store, registrations, registerNew));
    if (registered.ok) return registered.value;
    const doubtful = await attempt(findFitting(registrations, true));
    if (!doubtful.ok || doubtful.value === undefined) throw registered.error;
    return doubtful.value;
  };
  return (await look()) ?? lockRegistrations(file, work, { signal, timeout, whileWaiting: look });
}

/** Reserves room before the request: a registration that can't be stored would be repeated by every process. */
async function registerAndStore(
  store: IssuerStore,
  registrations: Registrations,
  register: () => Promise<Client>,
): Promise<Client> {
  const { file, issuer, unstored, onEvent } = store;
  const before = registrations.entries.get(issuer);
  const { client: present, former } = parseEntry(before);
  assertKeyFor([present, ...former], store);
  await assertSealable(store.encryption);
  const sealedBefore = before === undefined ? undefined : await sealEntry(before, store);
  const room = await reservePrivate(file);
  try {
    const client = await register();
    const entry = toEntryWithNew(sealedBefore, await sealClient(client, store));
    const stored = await attempt(writeRegistrations(file, registrations, { issuer, entry }, room));
    if (stored.ok) unstored.delete(issuer);
    else {
      setBounded(unstored, issuer, client, MAX_UNSTORED_CLIENTS);
      onEvent?.({ type: 'persist_failed', code: stored.error.code, message: stored.error.message });
    }
    return client;
  } finally {
    // What is left of the room is removed by the next write.
    await Promise.allSettled([room.release()]);
  }
}

/** A client that was lost is registered anew, which is worth a note. */
function reportDamage({ file, onEvent }: IssuerStore, { damage }: Registrations): void {
  if (damage !== undefined) onEvent?.({ type: 'file_damaged', file, message: damage.message });
}

/**
 * Drops an expiry that a server has set into the past, or to the present moment. It means something else, and every run would register a
 * new client because of it.
 */
function dropPastExpiry(client: Client, now: () => number): Client {
  if (!isSecretExpiring(client, now)) return client;
  const { client_secret_expires_at: _past, ...rest } = client;
  return rest;
}
