import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { removePrivate, toDirectoryError } from '@oa/private-file';
import { attempt, isOAuthError, type OAuthError } from '@oa/types';
import { fileNameOf } from './paths.ts';
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

/** A token's file, or what a process could write but not put in its place. */
const TOKEN_FILE = /^(v1\.[\da-f]{64}\.json)(\.pending)?$/;
/** All files of this package but the empty lock files: without them two holders could have the same lock. */
const CLEARED_FILE = /^\.?v1\.[\da-f]{64}\.(json|failure)(\.|$)(?!lock$)/;

/** A token that was read from a directory. */
interface FoundToken {
  key: string;
  file: string;
  record: TokenRecord;
}

/** Describes the tokens in a directory. */
export async function listTokens(directory: string): Promise<CachedToken[]> {
  const described: CachedToken[] = [];
  for await (const found of readTokens(directory)) described.push(toCachedToken(found));
  return described;
}

/**
 * Reads the tokens in a directory, in the order of their file names. Where a file can't be read, the others come first, and then the
 * first error.
 */
export async function* readTokens(directory: string): AsyncGenerator<FoundToken, void, undefined> {
  let failure: OAuthError | undefined;
  const names = (await readNames(directory)).map((name) => TOKEN_FILE.exec(name)?.[1]);
  for (const name of new Set(names)) {
    if (name === undefined) continue;
    const found = await attempt(findStoredToken(join(directory, name)));
    if (!found.ok) failure ??= found.error;
    else if (found.value !== undefined) yield found.value;
  }
  if (failure !== undefined) throw failure;
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
    throw toDirectoryError(error, directory, true);
  }
}

/** Leaves out a damaged file and one of a newer format. A file that another user could have planted is an error. */
async function findStoredToken(file: string): Promise<FoundToken | undefined> {
  try {
    const record = (await readRecord(file)) ?? (await readPending(`${file}.pending`));
    if (record === undefined || record === 'damaged') return undefined;
    const key = JSON.stringify(record.identity);
    // A file that was copied or renamed belongs to no key.
    return fileNameOf(key) === basename(file) ? { key, file, record } : undefined;
  } catch (error) {
    if (isOAuthError(error) && error.code === 'newer_file_format') return undefined;
    throw error;
  }
}

/** `get` finds a first token that is not in its place yet, so it is found here too. As there, a file that is not trusted is ignored. */
async function readPending(pending: string): Promise<TokenRecord | 'damaged' | undefined> {
  const found = await attempt(readRecord(pending));
  if (!found.ok && found.error.retryable) throw found.error;
  return found.ok ? found.value : undefined;
}

function toCachedToken({ key, file, record: { identity, token } }: FoundToken): CachedToken {
  const { issuer, client_id, grant_type, resource, audience, profile } = identity;
  const scope = token.scope ?? identity.scope?.join(' ');
  return {
    key,
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
