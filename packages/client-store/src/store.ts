import { attempt, type Client, type OAuthError } from '@oa/types';
import { parseEntry, type RememberedClients } from './entry.ts';
import { lockRegistrations, readRegistrations, writeRegistrations } from './file.ts';
import { toStorableClient } from './members.ts';
import { assertKeyFor, hasStoredSecret, sealClient, unsealClient, unsealClients, type SealedClient } from './sealed.ts';
import { assertClientStoreOptions, storePath, type ClientStoreOptions } from './paths.ts';
import { getOrRegisterClient, type GetOrRegisterOptions, type IssuerStore } from './register.ts';
import { doubtStoredClient, removeStoredClient, updateStoredClient } from './update.ts';

/** A stored client as it may be shown to a user, without any secret. */
export interface StoredClient {
  issuer: string;
  client_id: string;
  has_client_secret: boolean;
  /** Seconds since the epoch. 0 means that the secret does not expire. */
  client_secret_expires_at?: number;
  redirect_uris?: string[];
}

/** How long `update` waits for another process. */
export interface UpdateOptions {
  /** Ends the wait for another process. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds to wait for another process.
   *
   * @default 600_000, ten minutes
   */
  timeout?: number | undefined;
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
   * client, and the event `store_unavailable` says why. So does a client whose encryption key is another one or lost.
   */
  lookup(issuer: string): Promise<Client | undefined>;
  /**
   * Finds all clients of an issuer that the store remembers. Unlike `lookup`, it rejects if the store can't be read, or if a part of the
   * file is damaged and no client of this issuer is in the rest. Former clients that can't be decrypted are left out.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `corrupt_file`, `decryption_failed`
   */
  find?(issuer: string): Promise<RememberedClients>;
  /**
   * Stores a client in place of an earlier one. Everything else in the file stays. If the file would have more than 1 MiB, its largest
   * entries are left out.
   *
   * @throws {OAuthError} `storage_unavailable` also for a client of more than 16 KiB; `insecure_file_permissions`, `lock_timeout`;
   *   `decryption_failed` if the entry is encrypted and the store has no key
   * @throws {TypeError} if `issuer` is empty, or if `client` has no `client_id`
   */
  store(issuer: string, client: Client): Promise<void>;
  /**
   * Replaces one remembered client, present or former, with what `revise` returns for it, for example after a renewal of its secret. The
   * lock is held meanwhile, and `revise` receives the client as it is stored then: another process may have renewed it already. Resolves
   * with the new client. Members of other programs stay. Where `revise` returns the very object that it received, nothing changes; otherwise a
   * mark of `doubt` is taken away.
   *
   * If `revise` returns `undefined` the client is not used for new logins any more. It becomes a former client.
   *
   * @returns `undefined` also if no such client is remembered
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `lock_timeout`, `decryption_failed`
   * @throws {TypeError} if `revise` returns no client
   */
  update?(
    issuer: string,
    client_id: string,
    revise: (client: Client) => Promise<Client | undefined>,
    options?: UpdateOptions,
  ): Promise<Client | undefined>;
  /**
   * Marks the present client of an issuer, if it still has this `client_id`: the server may have forgotten it. The next `getOrRegister`, of
   * any process, registers a new one.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `lock_timeout`
   */
  doubt?(issuer: string, client_id: string): Promise<void>;
  /**
   * Removes the clients of an issuer, or only the one with `client_id`. A missing client is no error. It needs no encryption key.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `lock_timeout`
   */
  remove(issuer: string, client_id?: string): Promise<void>;
  /**
   * Describes the stored clients, without any secret.
   *
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `corrupt_file`
   */
  list(): Promise<StoredClient[]>;
  /**
   * Returns the stored client of an issuer, if its secret has not expired, it has the redirect URIs, the caller can use it, and it is not
   * in doubt; else calls `register` and stores its client. The client that it replaces becomes a former one. All processes together register once. Rejects with what `register` rejects with, and with the reason of
   * `options.signal`.
   *
   * A client in doubt is returned where `register` rejects with an `OAuthError`: it may still be known.
   *
   * A client that can't be stored, or has more than 16 KiB, is the event `persist_failed`. This store returns it until the program ends.
   *
   * A stored client whose encryption key is another one or lost is `decryption_failed`, and nothing is registered.
   *
   * @returns the client as it is stored
   * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`, `lock_timeout`, `decryption_failed`
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
export function fileClientStore(options: ClientStoreOptions = {}): Required<ClientStore> {
  assertClientStoreOptions(options);
  const { onEvent, encryption } = options;
  const unstored = new Map<string, Client>();
  const report = ({ code, message }: OAuthError): void => onEvent?.({ type: 'store_unavailable', code, message });
  const storeOf = (issuer: string): IssuerStore => {
    if (typeof issuer !== 'string' || issuer === '')
      throw new TypeError(`The issuer must be a non-empty string, not ${JSON.stringify(issuer)}.`);
    return { file: storePath(options), issuer, unstored, encryption, onEvent };
  };

  return {
    async lookup(issuer) {
      const read = await attempt((async () => readRegistrations(storePath(options)))());
      const error = read.ok ? read.value.damage : read.error;
      if (error !== undefined) report(error);
      const inMemory = unstored.get(issuer);
      const sealed = read.ok ? parseEntry(read.value.entries.get(issuer)).client : undefined;
      if (inMemory !== undefined || sealed === undefined) return inMemory;
      // Without its secret it would be used as a public client.
      const client = await attempt(unsealClient(sealed, storeOf(issuer)));
      if (!client.ok) report(client.error);
      return client.ok ? client.value : undefined;
    },
    async find(issuer) {
      const store = storeOf(issuer);
      const { entries, damage } = await readRegistrations(store.file);
      const { client, doubtful, former } = parseEntry(entries.get(issuer));
      const inMemory = unstored.get(issuer);
      if (inMemory !== undefined)
        return { client: inMemory, doubtful: false, former: await unsealClients(former, store) };
      if (damage !== undefined && client === undefined) throw damage;
      const present = client && (await unsealClient(client, store));
      return { client: present, doubtful, former: await unsealClients(former, store) };
    },
    getOrRegister: async (issuer, register, needed = {}) => getOrRegisterClient(storeOf(issuer), register, needed),
    update: async (issuer, client_id, revise, waiting = {}) =>
      updateStoredClient(storeOf(issuer), { client_id, revise, options: waiting }),
    doubt: async (issuer, client_id) => doubtStoredClient(storeOf(issuer), client_id),
    remove: async (issuer, client_id) => removeStoredClient(storeOf(issuer), client_id),
    async store(issuer, client) {
      const store = storeOf(issuer);
      const { file } = store;
      const entry = JSON.stringify(await sealClient(toStorableClient(client), store));
      await lockRegistrations(file, async () => {
        const registrations = await readRegistrations(file);
        const { client: present, former } = parseEntry(registrations.entries.get(issuer));
        assertKeyFor([present, ...former], store);
        await writeRegistrations(file, registrations, { issuer, entry });
      });
      unstored.delete(issuer);
    },
    async list() {
      const { entries, damage } = await readRegistrations(storePath(options));
      if (damage !== undefined) throw damage;
      return [...entries].flatMap(([issuer, entry]) => toStoredClient(issuer, parseEntry(entry).client));
    },
  };
}

function toStoredClient(issuer: string, client: SealedClient | undefined): StoredClient[] {
  if (client === undefined) return [];
  const { client_id, client_secret_expires_at, redirect_uris } = client;
  return [
    {
      issuer,
      client_id,
      has_client_secret: hasStoredSecret(client),
      ...(client_secret_expires_at !== undefined && { client_secret_expires_at }),
      ...(redirect_uris !== undefined && { redirect_uris }),
    },
  ];
}
