import { reservePrivate, withLock } from '@oa/private-file';
import { attempt, type Client, type OAuthEvent } from '@oa/types';
import { setBounded } from '@oa/mechanisms';
import { readForUpdate, readRegistrations, writeRegistrations, type Registrations } from './file.ts';
import { isFittingClient } from './fits.ts';
import { toClient, toStorableClient } from './members.ts';

/** Bounds the memory of a program that takes issuers from strangers. */
const MAX_UNSTORED_CLIENTS = 20;

/** What the client is needed for, and how long to wait for another process that registers one. */
export interface GetOrRegisterOptions {
  /**
   * A stored client that lacks one of these is not returned. The port of a loopback URI does not count.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
   */
  redirect_uris?: readonly string[] | undefined;
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

/** One call of `getOrRegister`. */
interface RegistrationCall {
  file: string;
  issuer: string;
  register: () => Promise<Client>;
  options: GetOrRegisterOptions;
  /** The clients that could not be stored, by issuer. They are used until the program ends. */
  unstored: Map<string, Client>;
  onEvent: ((event: OAuthEvent) => void) | undefined;
}

/** The stored client if it fits; else a new one, registered with the lock held, so that no other process does the same. */
export async function getOrRegisterClient(call: RegistrationCall): Promise<Client> {
  const { file, issuer, options, unstored } = call;
  const { redirect_uris, now = Date.now, signal, timeout } = options;
  const findFitting = (registrations: Registrations): Client | undefined => {
    const clients = [unstored.get(issuer), toClient(registrations.get(issuer))];
    return clients.find((client) => client !== undefined && isFittingClient(client, { redirect_uris, now }));
  };
  const look = async (): Promise<Client | undefined> => findFitting(await readIfIntact(file));
  const work = async (): Promise<Client> => {
    const registrations = await readForUpdate(file);
    return findFitting(registrations) ?? registerAndStore(call, registrations);
  };
  return (await look()) ?? withLock(file, work, { signal, timeout, whileWaiting: look });
}

/** Reserves room before the request: a registration that can't be stored would be repeated by every process. */
async function registerAndStore(
  { file, issuer, register, unstored, onEvent }: RegistrationCall,
  registrations: Registrations,
): Promise<Client> {
  const room = await reservePrivate(file);
  try {
    const client = toStorableClient(await register());
    const stored = await attempt(writeRegistrations(registrations, issuer, client, room));
    if (stored.ok) unstored.delete(issuer);
    else {
      setBounded(unstored, issuer, client, MAX_UNSTORED_CLIENTS);
      onEvent?.({ type: 'persist_failed', code: stored.error.code, message: stored.error.message });
    }
    return client;
  } finally {
    await room.release();
  }
}

/** A damaged file counts as empty here. The next write moves it aside. */
async function readIfIntact(file: string): Promise<Registrations> {
  const read = await attempt(readRegistrations(file));
  if (read.ok) return read.value;
  if (read.error.code !== 'corrupt_file') throw read.error;
  return new Map();
}
