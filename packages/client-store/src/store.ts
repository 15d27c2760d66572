import { withLock } from '@oa/private-file';
import { attempt, type Client } from '@oa/types';
import {
  checkClient,
  readRegistrations,
  readToUpdate,
  toClient,
  writeRegistrations,
  type Registrations,
} from './file.ts';
import { getOrRegister, type GetOrRegisterOptions } from './register.ts';
import { checkOptions, storeFile, type ClientStoreOptions } from './paths.ts';

/** A stored client as a person may see it: nothing secret. */
export interface StoredClient {
  issuer: string;
  client_id: string;
  has_client_secret: boolean;
  /** Seconds since the epoch; 0 means never. */
  client_secret_expires_at?: number;
  redirect_uris?: string[];
}

/** Registered clients, remembered per issuer. Issuers are compared byte for byte. */
export interface ClientStore {
  /** The client of an issuer, whatever its state. Never rejects: a store that can't be read holds nothing, and an event says why. */
  lookup(issuer: string): Promise<Client | undefined>;
  /** Remembers a client, in place of an earlier one. Everything else in the file stays. */
  store(issuer: string, client: Client): Promise<void>;
  /** Forgets the client of an issuer. */
  remove(issuer: string): Promise<void>;
  list(): Promise<StoredClient[]>;
  /**
   * The client of an issuer, if its secret has not expired and it has the redirect URIs; else the one that `register`
   * makes. All processes together register once. Rejects with what `register` rejects with.
   */
  getOrRegister(issuer: string, register: () => Promise<Client>, options?: GetOrRegisterOptions): Promise<Client>;
}

/**
 * Registered clients in `registered.json`: one object, issuer to client, 0600. Nothing is touched before the first use.
 *
 * Except for `lookup` its promises reject with an OAuthError `insecure_file_permissions`, `storage_unavailable` or
 * `lock_timeout`; `list` also with `corrupt_file`. Before anything is written, a file that can't be parsed is moved aside.
 *
 * @throws TypeError for a wrong option
 */
export function fileClientStore(options: ClientStoreOptions = {}): ClientStore {
  checkOptions(options);
  const { onEvent } = options;

  async function lookup(issuer: string): Promise<Client | undefined> {
    const read = await attempt((async () => readRegistrations(storeFile(options)))());
    if (read.ok) return toClient(read.value.get(issuer));
    onEvent?.({ type: 'store_unavailable', code: read.error.code, message: read.error.message });
    return undefined;
  }

  /** Changes the file with its lock held. `change` says whether there is anything to write. */
  async function update(change: (registrations: Registrations) => boolean): Promise<void> {
    const file = storeFile(options);
    await withLock(file, async () => {
      const registrations = await readToUpdate(file);
      if (change(registrations)) await writeRegistrations(registrations, file);
    });
  }

  return {
    lookup,
    async getOrRegister(issuer, register, wanted = {}) {
      checkIssuer(issuer);
      return getOrRegister({ file: storeFile(options), issuer, register, wanted, onEvent });
    },
    async store(issuer, client) {
      checkIssuer(issuer);
      checkClient(client);
      await update((registrations) => {
        registrations.set(issuer, client);
        return true;
      });
    },
    async remove(issuer) {
      await update((registrations) => registrations.delete(issuer));
    },
    async list() {
      const registrations = await readRegistrations(storeFile(options));
      return [...registrations].flatMap(([issuer, value]) => toStoredClient(issuer, toClient(value)));
    },
  };
}

function toStoredClient(issuer: string, client: Client | undefined): StoredClient[] {
  if (client === undefined) return [];
  const { client_id, client_secret, client_secret_expires_at, redirect_uris } = client;
  return [
    {
      issuer,
      client_id,
      has_client_secret: client_secret !== undefined,
      ...(typeof client_secret_expires_at === 'number' && { client_secret_expires_at }),
      ...(Array.isArray(redirect_uris) && { redirect_uris }),
    },
  ];
}

function checkIssuer(issuer: string): void {
  if (typeof issuer !== 'string' || issuer === '')
    throw new TypeError(`The issuer must be a non-empty string, not ${JSON.stringify(issuer)}.`);
}
