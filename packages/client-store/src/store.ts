import { withLock } from '@oa/private-file';
import { attempt, type Client } from '@oa/types';
import { readForUpdate, readRegistrations, writeRegistrations } from './file.ts';
import { toClient, toStorableClient } from './members.ts';
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

/**
 * Registered clients, one for each issuer. Issuers are compared byte for byte.
 *
 * A client is stored with the members of RFC 7591 and RFC 7592, and with `application_type`. Other members, and members of a wrong type,
 * are dropped.
 */
export interface ClientStore {
  /**
   * Finds the client of an issuer, whether it can still be used or not. It never rejects: a store that can't be read holds no
   * client, and the event `store_unavailable` says why.
   */
  lookup(issuer: string): Promise<Client | undefined>;
  /**
   * Stores a client in place of an earlier one. Everything else in the file stays. If the file would have more than 1 MiB, its largest
   * entries are left out.
   *
   * @throws {OAuthError} `storage_unavailable` also for a client of more than 16 KiB; `insecure_file_permissions`, `lock_timeout`
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
   * A client that can't be stored, or has more than 16 KiB, is the event `persist_failed`. This store returns it until the program ends.
   *
   * @returns the client as it is stored
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
  const unstored = new Map<string, Client>();

  return {
    async lookup(issuer) {
      const read = await attempt((async () => readRegistrations(storePath(options)))());
      if (!read.ok) onEvent?.({ type: 'store_unavailable', code: read.error.code, message: read.error.message });
      return unstored.get(issuer) ?? (read.ok ? toClient(read.value.get(issuer)) : undefined);
    },
    async getOrRegister(issuer, register, needed = {}) {
      assertIssuerKey(issuer);
      return getOrRegisterClient({ file: storePath(options), issuer, register, options: needed, unstored, onEvent });
    },
    async store(issuer, client) {
      assertIssuerKey(issuer);
      const stored = toStorableClient(client);
      const file = storePath(options);
      await withLock(file, async () => writeRegistrations(await readForUpdate(file), issuer, stored, file));
      unstored.delete(issuer);
    },
    async remove(issuer) {
      unstored.delete(issuer);
      const file = storePath(options);
      await withLock(file, async () => {
        const registrations = await readForUpdate(file);
        if (registrations.has(issuer)) await writeRegistrations(registrations, issuer, undefined, file);
      });
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
      ...(client_secret_expires_at !== undefined && { client_secret_expires_at }),
      ...(redirect_uris !== undefined && { redirect_uris }),
    },
  ];
}

function assertIssuerKey(issuer: string): void {
  if (typeof issuer !== 'string' || issuer === '')
    throw new TypeError(`The issuer must be a non-empty string, not ${JSON.stringify(issuer)}.`);
}
