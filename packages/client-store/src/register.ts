import { reservePrivate, withLock } from '@oa/private-file';
import { attempt, type Client, type OAuthEvent } from '@oa/types';
import {
  assertStorableClient,
  readForUpdate,
  readRegistrations,
  toClient,
  writeRegistrations,
  type Registrations,
} from './file.ts';
import { isFittingClient } from './fits.ts';

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
   * @default no limit
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
  onEvent: ((event: OAuthEvent) => void) | undefined;
}

/** The stored client if it fits; else a new one, registered with the lock held, so that no other process does the same. */
export async function getOrRegisterClient(call: RegistrationCall): Promise<Client> {
  const { file, issuer, options } = call;
  const { redirect_uris, now = Date.now, signal, timeout } = options;
  const findFitting = (registrations: Registrations): Client | undefined => {
    const client = toClient(registrations.get(issuer));
    return client !== undefined && isFittingClient(client, { redirect_uris, now }) ? client : undefined;
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
  { file, issuer, register, onEvent }: RegistrationCall,
  registrations: Registrations,
): Promise<Client> {
  const room = await reservePrivate(file);
  try {
    const client = await register();
    assertStorableClient(client);
    const stored = await attempt(writeRegistrations(new Map(registrations).set(issuer, client), room));
    if (!stored.ok) onEvent?.({ type: 'persist_failed', code: stored.error.code, message: stored.error.message });
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
