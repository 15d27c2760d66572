import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readPrivate, removePrivate } from '@oa/private-file';
import { isOAuthError, OAuthError } from '@oa/types';
import { deserialize, type TokenRecord } from './record.ts';

/** A stored token as a person may see it: what it is for, and nothing secret. */
export interface CachedToken {
  /** The key that `get` and `delete` take. */
  key: string;
  file: string;
  issuer: string;
  client_id?: string;
  grant_type: string;
  /** What the server granted, else what was asked for. */
  scope?: string;
  resource?: string[];
  audience?: string[];
  profile?: string;
  /** Seconds since the epoch. */
  expires_at?: number;
  has_refresh_token: boolean;
}

/** What this package names its files. The empty lock files stay: to remove one would let two holders in. */
const TOKEN = /^v1\.[\da-f]{64}\.json$/;
const LEFTOVER = /^\.?v1\.[\da-f]{64}\.(json|failure)(\.|$)(?!lock$)/;

export async function listTokens(directory: string): Promise<CachedToken[]> {
  const found: CachedToken[] = [];
  for (const name of await names(directory)) {
    if (!TOKEN.test(name)) continue;
    const entry = await describe(join(directory, name));
    if (entry !== undefined) found.push(entry);
  }
  return found;
}

/** Removes tokens, damaged files, reservations, failures and temporary files, and nothing that is not ours. */
export async function clearTokens(directory: string): Promise<void> {
  for (const name of await names(directory)) if (LEFTOVER.test(name)) await removePrivate(join(directory, name));
}

async function names(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new OAuthError('storage_unavailable', `${directory} can't be read. Check its permissions.`);
  }
}

/** `undefined` for a damaged file or one of a newer format. One that others could have planted is worth the error. */
async function describe(file: string): Promise<CachedToken | undefined> {
  try {
    const text = await readPrivate(file);
    const record = text === undefined ? undefined : deserialize(text, file);
    return record && toCachedToken(file, record);
  } catch (error) {
    if (isOAuthError(error) && ['corrupt_file', 'newer_file_format'].includes(error.code)) return undefined;
    throw error;
  }
}

function toCachedToken(file: string, { identity, token }: TokenRecord): CachedToken {
  const { issuer, client_id, grant_type, resource, audience, profile } = identity;
  const scope = token.scope ?? identity.scope?.join(' ');
  return {
    key: JSON.stringify(identity),
    file,
    issuer,
    grant_type,
    has_refresh_token: token.refresh_token !== undefined,
    ...(client_id !== undefined && { client_id }),
    ...(scope !== undefined && { scope }),
    ...(resource !== undefined && { resource }),
    ...(audience !== undefined && { audience }),
    ...(profile !== undefined && { profile }),
    ...(token.expires_at !== undefined && { expires_at: token.expires_at }),
  };
}
