import { withLock } from '@oa/private-file';
import { attempt, type Client } from '@oa/types';
import {
  assertStorableClient,
  readForUpdate,
  readRegistrations,
  toClient,
  writeRegistrations,
  type Registrations,
} from './file.ts';
import { getOrRegisterClient, type GetOrRegisterOptions } from './register.ts';
import { assertClientStoreOptions, storePath, type ClientStoreOptions } from './paths.ts';

/** A stored client as it may be shown to a user, without any secret. */
export interface StoredClient {
  issuer: string;
  client_id: string;
  has_client_secret: boolean;
  /** Seconds since the epoch. 0 means that the secret does not expire. */
  client_secret_expires_at?: number;
  redirect_uris?: string[];
}

/** Registered clients, one for each issuer. Issuers are compared byte for byte. */
export interface ClientStore {
  /**
   * Finds the client of an issuer, whether it can still be used or not. It never rejects: a store that can't be read holds no
   * client, and the event `store_unavailable` says why.
   */
  lookup(issuer: string): Promise<Client | undefined>;
  /**
   * Stores a client in place of an earlier one. Everything else in the file stays.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `lock_timeout`
   * @throws {TypeError} if `issuer` is empty, or if `client` has no `client_id`
   */
  store(issuer: string, client: Client): Promise<void>;
  /**
   * Removes the client of an issuer. A missing client is no error.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `lock_timeout`
   */
  remove(issuer: string): Promise<void>;
  /**
   * Describes the stored clients, without any secret.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `corrupt_file`
   */
  list(): Promise<StoredClient[]>;
  /**
   * Returns the stored client of an issuer, if its secret has not expired and it has the redirect URIs; else calls `register` and
   * stores its client. All processes together register once. Rejects with what `register` rejects with, and with the reason of
   * `options.signal`.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `lock_timeout`
   * @throws {TypeError} if `issuer` is empty, or if `register` returns no client
   */
  getOrRegister(issuer: string, register: () => Promise<Client>, options?: GetOrRegisterOptions): Promise<Client>;
}

/**
 * Creates a store of registered clients in `registered.json`: one object, issuer to client, mode 0600. Nothing is read or written
 * before the first use. A file that can't be parsed is moved aside before the next write.
 *
 * @throws {TypeError} if an option is wrong
 * @example
 * ```ts
 * const clients = fileClientStore({ app: 'my-tool' });
 * const client = await clients.getOrRegister('https://as.example', async () =>
 *   registerClient(await discover('https://as.example'), { redirect_uris: ['http://127.0.0.1/callback'] }),
 * );
 * ```
 */
export function fileClientStore(options: ClientStoreOptions = {}): ClientStore {
  assertClientStoreOptions(options);
  const { onEvent } = options;

  async function lookup(issuer: string): Promise<Client | undefined> {
    const read = await attempt((async () => readRegistrations(storePath(options)))());
    if (read.ok) return toClient(read.value.get(issuer));
    onEvent?.({ type: 'store_unavailable', code: read.error.code, message: read.error.message });
    return undefined;
  }

  /** Changes the file with its lock held. `change` returns whether there is anything to write. */
  async function update(change: (registrations: Registrations) => boolean): Promise<void> {
    const file = storePath(options);
    await withLock(file, async () => {
      const registrations = await readForUpdate(file);
      if (change(registrations)) await writeRegistrations(registrations, file);
    });
  }

  return {
    lookup,
    async getOrRegister(issuer, register, needed = {}) {
      assertIssuerKey(issuer);
      return getOrRegisterClient({ file: storePath(options), issuer, register, options: needed, onEvent });
    },
    async store(issuer, client) {
      assertIssuerKey(issuer);
      assertStorableClient(client);
      await update((registrations) => {
        registrations.set(issuer, client);
        return true;
      });
    },
    async remove(issuer) {
      await update((registrations) => registrations.delete(issuer));
    },
    async list() {
      const registrations = await readRegistrations(storePath(options));
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

function assertIssuerKey(issuer: string): void {
  if (typeof issuer !== 'string' || issuer === '')
    throw new TypeError(`The issuer must be a non-empty string, not ${JSON.stringify(issuer)}.`);
}
