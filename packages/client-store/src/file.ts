import { isObject, parseJson } from '@oa/mechanisms';
import { quarantine, readPrivate, writePrivate, type Reservation } from '@oa/private-file';
import { isOAuthError, OAuthError, type Client } from '@oa/types';

/** One object, issuer to client. The first implementation, in OCaml, wrote the same format. */
export type Registrations = Map<string, unknown>;

/**
 * Reads the registrations in `path`, with every member that other programs or versions have added.
 *
 * @throws {OAuthError} `corrupt_file`, `insecure_file_permissions`, `storage_unavailable`
 */
export async function readRegistrations(path: string): Promise<Registrations> {
  const text = await readPrivate(path);
  if (text === undefined) return new Map();
  const content = parseJson(text);
  if (!isObject(content))
    throw new OAuthError('corrupt_file', `${path} is not a JSON object. The next write of a client moves it aside.`);
  return new Map(Object.entries(content));
}

/** Reads the registrations before a write. A damaged file is moved aside, so that its content is not lost. */
export async function readForUpdate(path: string): Promise<Registrations> {
  try {
    return await readRegistrations(path);
  } catch (error) {
    if (!isOAuthError(error) || error.code !== 'corrupt_file') throw error;
    await quarantine(path);
    return new Map();
  }
}

export async function writeRegistrations(registrations: Registrations, target: string | Reservation): Promise<void> {
  // `fromEntries` defines members, so that an issuer named `__proto__` is an ordinary name.
  const text = `${JSON.stringify(Object.fromEntries(registrations), undefined, 2)}\n`;
  await (typeof target === 'string' ? writePrivate(target, text) : target.write(text));
}

/** A member of the file as a client, or `undefined` if it is something else. */
export function toClient(value: unknown): Client | undefined {
  if (!isObject(value) || !Object.hasOwn(value, 'client_id')) return undefined;
  const { client_id, client_secret, ...others } = value;
  if (typeof client_id !== 'string' || client_id === '') return undefined;
  // Other programs write an absent secret as null.
  if (client_secret === null) return { client_id, ...others };
  return client_secret === undefined || typeof client_secret === 'string' ? (value as Client) : undefined;
}

/** @throws {TypeError} if `value` could not be read back as a client */
export function assertStorableClient(value: unknown): void {
  if (toClient(value) === undefined)
    throw new TypeError('A client to store must have a client_id, a non-empty string.');
}
