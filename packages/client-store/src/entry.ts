import { isObject, parseJson } from '@oa/mechanisms';
import type { Client } from '@oa/types';
import { joinMembers, splitMembers } from './json-members.ts';
import { STORED_MEMBER_NAMES } from './members.ts';
import { hasPlainSecret, sealClient, toSealedClient, type SealContext, type SealedClient } from './sealed.ts';

/** What the store remembers of an issuer. */
export interface RememberedClients {
  /** The client for new logins. */
  client: Client | undefined;
  /** Whether a login with `client` was not completed, so that `getOrRegister` does not return it any more. */
  doubtful: boolean;
  /** The clients that `client` has replaced, the latest first. A refresh token that one of them obtained belongs to it. */
  former: Client[];
}

/** {@link RememberedClients} as they are stored: their secrets may be encrypted. */
interface StoredClients extends RememberedClients {
  client: SealedClient | undefined;
  former: SealedClient[];
}

/** A server decides how large its registration is. The usual ones have less than 1 KiB. */
export const MAX_CLIENT_BYTES: number = 16 * 1024;
/** A session with an earlier client than these has probably ended. */
const MAX_FORMER_CLIENTS = 5;

/** The members of this package. No registration can set them: they are not among those that are stored. */
const ENCRYPTED = 'encrypted';
const DOUBTFUL = 'doubtful';
const FORMER = 'former_clients';
/** What a refresh and a renewal of the secret need. */
const FORMER_MEMBERS = [
  'client_id',
  'client_secret',
  'client_secret_expires_at',
  'token_endpoint_auth_method',
  'registration_access_token',
  'registration_client_uri',
  ENCRYPTED,
];

/** Reads the text of an entry. An entry of another program, or a damaged one, has no client. */
export function parseEntry(text: string | undefined): StoredClients {
  const value = text === undefined ? undefined : parseJson(text);
  if (!isObject(value)) return { client: undefined, doubtful: false, former: [] };
  const former = Object.hasOwn(value, FORMER) && Array.isArray(value[FORMER]) ? value[FORMER] : [];
  return {
    client: toSealedClient(value),
    doubtful: Object.hasOwn(value, DOUBTFUL) && value[DOUBTFUL] === true,
    former: former.flatMap((each) => toSealedClient(each) ?? []),
  };
}

/** The entry with all its secrets encrypted, where the store has a key source. */
export async function sealEntry(text: string, context: SealContext): Promise<string> {
  const { client, former } = parseEntry(text);
  if (
    context.encryption === undefined ||
    ![client, ...former].some((each) => each !== undefined && hasPlainSecret(each))
  )
    return text;
  const sealed = client && (await sealClient(client, context));
  const sealedFormer: SealedClient[] = [];
  for (const each of former) sealedFormer.push(await sealClient(each, context));
  const members = splitMembers(text);
  if (sealed === undefined) return formatEntry(members, sealedFormer);
  for (const name of STORED_MEMBER_NAMES) members.delete(name);
  return formatEntry(new Map([...toMembers(sealed), ...members]), sealedFormer);
}

/** The entry with `client` in place of the present one, which becomes a former client. */
export function toEntryWithNew(before: string | undefined, client: SealedClient): string {
  const { client: replaced, former } = parseEntry(before);
  return formatEntry(toMembers(client), toFormer([replaced, ...former], client.client_id));
}

/** The entry with `client` in place of the client that has its `client_id`. Members of other programs stay. */
export function toEntryWithUpdated(before: string, client: SealedClient): string {
  const entry = parseEntry(before);
  const members = splitMembers(before);
  if (entry.client?.client_id !== client.client_id) {
    const former = entry.former.map((each) => (each.client_id === client.client_id ? client : each));
    return formatEntry(members, toFormer(former));
  }
  for (const name of [...STORED_MEMBER_NAMES, ENCRYPTED, DOUBTFUL]) members.delete(name);
  return formatEntry(new Map([...toMembers(client), ...members]), entry.former);
}

/** The entry with the mark that its present client may be unknown to the server. */
export function toDoubtfulEntry(before: string): string {
  const members = splitMembers(before);
  return formatEntry(members.set(DOUBTFUL, 'true'), parseEntry(before).former);
}

/** The entry without a present client. It becomes a former one. */
export function toRetiredEntry(before: string): string {
  const { client, former } = parseEntry(before);
  return formatEntry(new Map(), toFormer([client, ...former]));
}

/** The entry without the client that has this `client_id`. `undefined`: nothing is left. */
export function toEntryWithout(before: string, client_id: string): string | undefined {
  const { client, former } = parseEntry(before);
  const rest = former.filter((each) => each.client_id !== client_id);
  if (client !== undefined && client.client_id !== client_id) return formatEntry(splitMembers(before), rest);
  return rest.length === 0 ? undefined : formatEntry(new Map(), rest);
}

function toMembers(client: SealedClient): Map<string, string> {
  const members = Object.entries(client).filter(([, value]) => value !== undefined);
  return new Map(members.map(([name, value]) => [name, JSON.stringify(value)]));
}

function toFormer(clients: readonly (SealedClient | undefined)[], present?: string): SealedClient[] {
  const former = new Map<string, SealedClient>();
  for (const client of clients)
    if (client !== undefined && client.client_id !== present && !former.has(client.client_id))
      former.set(client.client_id, client);
  return [...former.values()].slice(0, MAX_FORMER_CLIENTS);
}

/** Leaves out the oldest former clients where the entry would have more than {@link MAX_CLIENT_BYTES}. */
function formatEntry(members: Map<string, string>, former: readonly SealedClient[]): string {
  members.delete(FORMER);
  const texts = former.map((client) =>
    JSON.stringify(Object.fromEntries(FORMER_MEMBERS.map((name) => [name, client[name]]))),
  );
  for (; texts.length > 0; texts.pop()) {
    const text = joinMembers(new Map([...members, [FORMER, `[${texts.join(',')}]`]]));
    if (Buffer.byteLength(text) <= MAX_CLIENT_BYTES) return text;
  }
  return joinMembers(members);
}
