import { reservePrivate, withLock } from '@oa/private-file';
import { attempt, type Client, type OAuthEvent } from '@oa/types';
import {
  checkClient,
  readRegistrations,
  readToUpdate,
  toClient,
  writeRegistrations,
  type Registrations,
} from './file.ts';
import { fits } from './fits.ts';

/** What a client must be good for, and how long to wait for another process that is registering one. */
export interface GetOrRegisterOptions {
  /** A registration that lacks one of these is not handed out. Of loopback URIs the port does not count (RFC 8252 section 7.3). */
  redirect_uris?: readonly string[];
  /** Ends the waiting for another process. */
  signal?: AbortSignal;
  /** Milliseconds to wait for another process. As long as it takes unless given. */
  timeout?: number;
  /** The clock, in milliseconds since the epoch. */
  now?: () => number;
}

/** What {@link getOrRegister} works on. */
interface Registering {
  file: string;
  issuer: string;
  register: () => Promise<Client>;
  wanted: GetOrRegisterOptions;
  onEvent: ((event: OAuthEvent) => void) | undefined;
}

/** The stored client, if it is still good; else one that is registered with the lock held, so that no other process does it too. */
export async function getOrRegister(registering: Registering): Promise<Client> {
  const { file, issuer, wanted } = registering;
  const { redirect_uris, now = Date.now, ...wait } = wanted;
  const usable = (registrations: Registrations): Client | undefined => {
    const client = toClient(registrations.get(issuer));
    return client !== undefined && fits(client, { redirect_uris, now }) ? client : undefined;
  };
  const look = async (): Promise<Client | undefined> => usable(await readIfIntact(file));
  const work = async (): Promise<Client> => {
    const registrations = await readToUpdate(file);
    return usable(registrations) ?? registerAndKeep(registering, registrations);
  };
  return (await look()) ?? withLock(file, work, { ...wait, whileWaiting: look });
}

/** The room is taken before the request: a registration that can't be kept would be made again and again. */
async function registerAndKeep(
  { file, issuer, register, onEvent }: Registering,
  registrations: Registrations,
): Promise<Client> {
  const room = await reservePrivate(file);
  try {
    const client = await register();
    checkClient(client);
    const kept = await attempt(writeRegistrations(new Map(registrations).set(issuer, client), room));
    if (!kept.ok) onEvent?.({ type: 'persist_failed', code: kept.error.code, message: kept.error.message });
    return client;
  } finally {
    await room.release();
  }
}

/** A damaged file holds nothing; what to do about it is for who writes next. */
async function readIfIntact(file: string): Promise<Registrations> {
  const read = await attempt(readRegistrations(file));
  if (read.ok) return read.value;
  if (read.error.code !== 'corrupt_file') throw read.error;
  return new Map();
}
