import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removePrivate, toStorageError } from '@oa/private-file';
import { attempt, isOAuthError, type OAuthError } from '@oa/types';
import { readRecord, type TokenRecord } from './record.ts';

/** A stored token as it may be shown to a user: what it is for, and no secret. */
export interface CachedToken {
  /** The key for `get` and `delete`. */
  key: string;
  file: string;
  issuer: string;
  client_id?: string;
  grant_type: string;
  /** The scope that the server granted, else the requested one. */
  scope?: string;
  resource?: string[];
  audience?: string[];
  profile?: string;
  /** Seconds since the epoch. */
  expires_at?: number;
  has_refresh_token: boolean;
}

const TOKEN_FILE = /^v1\.[\da-f]{64}\.json$/;
/** All files of this package but the empty lock files: without them two holders could have the same lock. */
const CLEARED_FILE = /^\.?v1\.[\da-f]{64}\.(json|failure)(\.|$)(?!lock$)/;

/** Describes the tokens in a directory. */
export async function listTokens(directory: string): Promise<CachedToken[]> {
  const found: CachedToken[] = [];
  for (const name of await readNames(directory)) {
    if (!TOKEN_FILE.test(name)) continue;
    const entry = await readEntry(join(directory, name));
    if (entry !== undefined) found.push(entry);
  }
  return found;
}

/**
 * Removes tokens, damaged files, reservations, failures and temporary files, and no file of another program. Where a file can't be removed,
 * the others are, and the first error is thrown.
 */
export async function clearTokens(directory: string): Promise<void> {
  let failure: OAuthError | undefined;
  for (const name of await readNames(directory)) {
    if (!CLEARED_FILE.test(name)) continue;
    const removed = await attempt(removePrivate(join(directory, name)));
    if (!removed.ok) failure ??= removed.error;
  }
  if (failure !== undefined) throw failure;
}

async function readNames(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw toStorageError(error, directory);
  }
}

/** Leaves out a damaged file and one of a newer format. A file that another user could have planted is an error. */
async function readEntry(file: string): Promise<CachedToken | undefined> {
  try {
    const record = await readRecord(file);
    return record === undefined || record === 'damaged' ? undefined : toCachedToken(file, record);
  } catch (error) {
    if (isOAuthError(error) && error.code === 'newer_file_format') return undefined;
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
