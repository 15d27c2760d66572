import type { EncryptedText } from '@oa/encryption';
import { createLoader, isObject, parseJson } from '@oa/mechanisms';
import { withStorageErrors } from '@oa/private-file';
import { attempt, OAuthError, type Client, type KeySource } from '@oa/types';
import { toClient } from './members.ts';

/** A client as an entry holds it. With encryption its secret members are in one encrypted text. */
export interface SealedClient extends Client {
  encrypted?: EncryptedMembers;
}

/** The encrypted members of a client. */
interface EncryptedMembers extends EncryptedText {
  /** The names of the members, so that a list can say whether there is a secret. */
  members: string[];
}

/** Where an entry is, and the key source of its store. */
export interface SealContext {
  file: string;
  issuer: string;
  encryption: KeySource | undefined;
}

/**
 * Secrets, and what a secret is sent to or proven with. A `registration_client_uri` that could be changed would lead the
 * `registration_access_token` to another server.
 */
const SECRET_MEMBERS: readonly string[] = [
  'client_secret',
  'registration_access_token',
  'registration_client_uri',
  'software_statement',
  'jwks',
];
const SEAL_VERSION = 1;

/** A module is a file too: a process that has too many open files can't load it. */
const loadEncryptionPackage = createLoader(() =>
  withStorageErrors('A module of @oa/client-store', import('@oa/encryption')),
);

/** Copies the members of a stored client, the encrypted ones as they are. The answer of a server has no such member. */
export function toSealedClient(value: unknown): SealedClient | undefined {
  const client = toClient(value);
  if (client === undefined || !isObject(value) || !Object.hasOwn(value, 'encrypted')) return client;
  const sealed = isObject(value['encrypted']) ? value['encrypted'] : {};
  const { key, iv, ciphertext, members } = sealed;
  const [keyText, ivText, ciphertextText] = [key, iv, ciphertext].map((text) => (typeof text === 'string' ? text : ''));
  const names = Array.isArray(members) ? members.filter((name) => typeof name === 'string') : [];
  return {
    ...withoutSecrets(client),
    encrypted: { key: keyText ?? '', iv: ivText ?? '', ciphertext: ciphertextText ?? '', members: names },
  };
}

export function hasStoredSecret({ client_secret, encrypted }: SealedClient): boolean {
  return client_secret !== undefined || encrypted?.members.includes('client_secret') === true;
}

/** Whether the client has a secret member that is not encrypted. */
export function hasPlainSecret(client: SealedClient): boolean {
  return client.encrypted === undefined && SECRET_MEMBERS.some((name) => client[name] !== undefined);
}

/**
 * Asks for the key, so that it is there when the answer of a server must be stored.
 *
 * @throws {OAuthError} `storage_unavailable`, or whatever else the key source rejects with
 */
export async function assertSealable(encryption: KeySource | undefined): Promise<void> {
  if (encryption !== undefined) await (await loadEncryptionPackage()).assertKeyAvailable(encryption);
}

/** Encrypts the secret members of a client, where the store has a key source. */
export async function sealClient(client: SealedClient, { issuer, encryption }: SealContext): Promise<SealedClient> {
  if (encryption === undefined || !hasPlainSecret(client)) return client;
  const secrets = Object.entries(client).filter(([name, value]) => isSecretMember(name) && value !== undefined);
  const members = secrets.map(([name]) => name);
  const { encryptText } = await loadEncryptionPackage();
  const about = toSealPlace(issuer, client.client_id, members);
  const encrypted = await encryptText(JSON.stringify(Object.fromEntries(secrets)), about, encryption);
  return { ...withoutSecrets(client), encrypted: { ...encrypted, members } };
}

/**
 * Decrypts the secret members of a client.
 *
 * @throws {OAuthError} `decryption_failed`; `storage_unavailable`, or whatever else the key source rejects with
 */
export async function unsealClient(sealed: SealedClient, context: SealContext): Promise<Client> {
  const { encrypted, ...client } = sealed;
  if (encrypted === undefined) return sealed;
  const { issuer, encryption, file } = context;
  if (encryption === undefined) throw missingKeyErrorOf(encrypted, context);
  const { decryptText } = await loadEncryptionPackage();
  const about = toSealPlace(issuer, client.client_id, encrypted.members);
  const text = await decryptText(encrypted, about, encryption, { place: placeOf(issuer, file), remedy: REMEDY });
  // What is authenticated was checked before it was encrypted.
  return { ...client, ...(parseJson(text) as Partial<Client>) };
}

/** Decrypts clients that are not needed. One whose key is lost is left out: without its secret it is of no use. */
export async function unsealClients(sealed: readonly SealedClient[], context: SealContext): Promise<Client[]> {
  const clients: Client[] = [];
  for (const each of sealed) {
    const unsealed = await attempt(unsealClient(each, context));
    if (unsealed.ok) clients.push(unsealed.value);
    else if (unsealed.error.code !== 'decryption_failed') throw unsealed.error;
  }
  return clients;
}

/**
 * Refuses to write an entry in plain text in place of an encrypted one.
 *
 * @throws {OAuthError} `decryption_failed`
 */
export function assertKeyFor(clients: readonly (SealedClient | undefined)[], context: SealContext): void {
  const sealed = clients.find((client) => client?.encrypted !== undefined);
  if (context.encryption === undefined && sealed?.encrypted !== undefined)
    throw missingKeyErrorOf(sealed.encrypted, context);
}

const REMEDY = 'remove the client (forgetClient of @oa/manager), and register again';

function missingKeyErrorOf({ key }: EncryptedMembers, { file, issuer }: SealContext): OAuthError {
  return new OAuthError(
    'decryption_failed',
    `${placeOf(issuer, file)} was encrypted with the key ${JSON.stringify(key)}, and this program has no key, so it is neither used nor ` +
      `overwritten. Pass the key in the option encryption of the client store. If it is lost, ${REMEDY}.`,
  );
}

function placeOf(issuer: string, file: string): string {
  return `The client of ${JSON.stringify(issuer)} in ${file}`;
}

/** What the encrypted members are bound to: no client can get the secret of another one. */
function toSealPlace(issuer: string, client_id: string, members: readonly string[]): string {
  return JSON.stringify(['client', SEAL_VERSION, issuer, client_id, members]);
}

function isSecretMember(name: string): boolean {
  return SECRET_MEMBERS.includes(name);
}

function withoutSecrets(client: Client): Client {
  const members = Object.entries(client).filter(([name]) => !isSecretMember(name));
  return { ...Object.fromEntries(members), client_id: client.client_id };
}
