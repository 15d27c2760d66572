import { join } from 'node:path';
import { isObject, parseJson } from '@oa/mechanisms';
import { readPrivate, userDirectory, withLock, writePrivate } from '@oa/private-file';
import { attempt, OAuthError } from '@oa/types';

/**
 * Remembers the issuer of each configured client that a resource chose the issuer for: another resource could otherwise lead the client
 * to a server of its own (RFC 9700 section 4.4).
 */
export interface ClientIssuers {
  get: (client_id: string) => Promise<string | undefined>;
  /** Remembers `issuer`, unless an issuer is remembered for the client. */
  add: (client_id: string, issuer: string) => Promise<void>;
}

/** @param directory the directory of the file. Without it they are in memory only. */
export function createClientIssuers(directory: string | undefined): ClientIssuers {
  return directory === undefined ? memoryClientIssuers() : fileClientIssuers(join(directory, 'issuers.json'));
}

/** The directory of the settings of the user. `undefined` if there is none. */
export async function settingsDirectory(app: string | undefined): Promise<string | undefined> {
  const found = await attempt((async () => userDirectory('config', app))());
  return found.ok ? found.value : undefined;
}

function memoryClientIssuers(): ClientIssuers {
  const issuers = new Map<string, string>();
  return {
    get: async (client_id) => issuers.get(client_id),
    add: async (client_id, issuer) => void issuers.set(client_id, issuers.get(client_id) ?? issuer),
  };
}

/** One JSON object, from client_id to issuer. */
function fileClientIssuers(file: string): ClientIssuers {
  async function read(): Promise<Map<string, unknown>> {
    const text = await readPrivate(file);
    const content = text === undefined ? {} : parseJson(text);
    if (isObject(content)) return new Map(Object.entries(content));
    throw new OAuthError('corrupt_file', `${file} is not a JSON object. Delete it, and log in again.`);
  }

  async function get(client_id: string): Promise<string | undefined> {
    const issuer = (await read()).get(client_id);
    return typeof issuer === 'string' ? issuer : undefined;
  }

  async function add(client_id: string, issuer: string): Promise<void> {
    await withLock(file, async () => {
      const issuers = await read();
      if (issuers.has(client_id)) return;
      const text = JSON.stringify(Object.fromEntries(issuers.set(client_id, issuer)), undefined, 2);
      await writePrivate(file, `${text}\n`);
    });
  }

  return {
    get,
    // A stored entry needs no lock.
    add: async (client_id, issuer) => ((await get(client_id)) === undefined ? add(client_id, issuer) : undefined),
  };
}
