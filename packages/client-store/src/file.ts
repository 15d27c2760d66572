import { readPrivate, setAside, writePrivate, type Reservation } from '@oa/private-file';
import { isOAuthError, OAuthError, type Client } from '@oa/types';

/** One object, issuer to client: what the file has held since the first implementation, in OCaml. */
export type Registrations = Map<string, unknown>;

/**
 * The registrations in `path`, with every member that other programs or versions have put there.
 *
 * @throws OAuthError `corrupt_file`, and what `readPrivate` throws
 */
export async function readRegistrations(path: string): Promise<Registrations> {
  const text = await readPrivate(path);
  if (text === undefined) return new Map();
  const content = parse(text);
  if (!isObject(content))
    throw new OAuthError(
      'corrupt_file',
      `${path} is not a JSON object. It is moved aside when a client is next stored.`,
    );
  return new Map(Object.entries(content));
}

/** The same, for who is about to write: a file that can't be understood is moved aside, so that nothing in it is lost. */
export async function readToUpdate(path: string): Promise<Registrations> {
  try {
    return await readRegistrations(path);
  } catch (error) {
    if (!isOAuthError(error) || error.code !== 'corrupt_file') throw error;
    await setAside(path);
    return new Map();
  }
}

export async function writeRegistrations(registrations: Registrations, target: string | Reservation): Promise<void> {
  // fromEntries defines members, so that an issuer named `__proto__` is only a name.
  const text = `${JSON.stringify(Object.fromEntries(registrations), undefined, 2)}\n`;
  await (typeof target === 'string' ? writePrivate(target, text) : target.write(text));
}

/** A member of the file as a client, or `undefined` if it is something else. */
export function toClient(value: unknown): Client | undefined {
  if (!isObject(value) || !Object.hasOwn(value, 'client_id')) return undefined;
  const { client_id, client_secret, ...others } = value;
  if (typeof client_id !== 'string' || client_id === '') return undefined;
  // An absent secret that another program has written as null.
  if (client_secret === null) return { client_id, ...others };
  return client_secret === undefined || typeof client_secret === 'string' ? (value as Client) : undefined;
}

/** @throws TypeError for what could not be read back as a client */
export function checkClient(value: unknown): void {
  if (toClient(value) === undefined)
    throw new TypeError('A client to store must have a client_id, a non-empty string.');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
