import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { readPrivate, readPrivateFiles, removePrivate, toDirectoryError } from '@oa/private-file';
import { attempt, isOAuthError, type OAuthError, type Result } from '@oa/types';
import type { DescribedToken } from './key.ts';
import { fileNameOf } from './paths.ts';
import { describeRecord, toRecord, type TokenRecord } from './record.ts';

/** A stored token as it may be shown to a user: what it is for, where it is, and no secret. */
export interface CachedToken extends DescribedToken {
  file: string;
}

/** A token's file, or what a process could write but not put in its place. */
const TOKEN_FILE = /^v1\.[\da-f]{64}\.json(?:\.pending)?$/;
const PENDING_SUFFIX = '.pending';
/** All files of this package but the empty lock files: without them two holders could have the same lock. */
const CLEARED_FILE = /^\.?v1\.[\da-f]{64}\.(json|failure)(\.|$)(?!lock$)/;

/** A token that was read from a directory. */
export interface FoundToken {
  key: string;
  file: string;
  record: TokenRecord;
}

/** How many files are read before the first of them is handed out. More would block the process for more than some milliseconds. */
const MAX_READ_FILES = 16;

export function toCachedToken({ file, record }: FoundToken): CachedToken {
  return { file, ...describeRecord(record) };
}

/**
 * Reads the tokens in a directory, some at a time, in the order of their file names. Where a file can't be read, the others come first, and
 * then the first error.
 */
export async function* readTokens(directory: string): AsyncGenerator<FoundToken[], void, undefined> {
  let failure: OAuthError | undefined;
  const folder = join(directory, sep);
  const names = await readTokenNames(directory);
  for (let start = 0; start < names.length; start += MAX_READ_FILES) {
    const some = names.slice(start, start + MAX_READ_FILES).filter((name, index) => name !== names[start + index - 1]);
    const read = await attempt(readPrivateFiles(directory, some));
    if (!read.ok) failure ??= read.error;
    const tokens: FoundToken[] = [];
    for (const [index, text] of read.ok ? read.value.entries() : []) {
      const file = `${folder}${some[index]}`;
      const isAbsent = text.ok && text.value === undefined;
      const found = toFoundToken(isAbsent ? await attempt(readPending(`${file}.pending`)) : text, file);
      if (!found.ok) failure ??= found.error;
      else if (found.value !== undefined) tokens.push(found.value);
    }
    yield tokens;
  }
  if (failure !== undefined) throw failure;
}

/** The names of the files of the tokens, sorted. They are changed in place, because there may be very many. */
async function readTokenNames(directory: string): Promise<string[]> {
  const names = (await readNames(directory)).filter((name) => TOKEN_FILE.test(name));
  // A token of which there is only a pending file is listed too.
  for (const [index, name] of names.entries())
    if (name.endsWith(PENDING_SUFFIX)) names[index] = name.slice(0, -PENDING_SUFFIX.length);
  // oxlint-disable-next-line unicorn/no-array-sort
  return names.sort();
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
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw toDirectoryError(error, directory, true);
  }
}

/** Leaves out a damaged file and one of a newer format. A file that another user could have planted is an error. */
function toFoundToken(text: Result<string | undefined>, file: string): Result<FoundToken | undefined> {
  try {
    return { ok: true, value: findToken(toRecord(text, file), file) };
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    return error.code === 'newer_file_format' ? { ok: true, value: undefined } : { ok: false, error };
  }
}

function findToken(record: TokenRecord | 'damaged' | undefined, file: string): FoundToken | undefined {
  if (record === undefined || record === 'damaged') return undefined;
  const key = JSON.stringify(record.identity);
  // A file that was copied or renamed belongs to no key.
  return file.endsWith(fileNameOf(key)) ? { key, file, record } : undefined;
}

/** `get` finds a first token that is not in its place yet, so it is found here too. As there, a file that is not trusted is ignored. */
async function readPending(pending: string): Promise<string | undefined> {
  const found = await attempt(readPrivate(pending));
  if (!found.ok && found.error.retryable) throw found.error;
  return found.ok ? found.value : undefined;
}
