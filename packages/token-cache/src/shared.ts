import {
  fileVersion,
  quarantine,
  removePrivate,
  reservePrivate,
  writePrivate,
  type Reservation,
} from '@oa/private-file';
import { attempt, type KeySource, type LockOptions, type Token } from '@oa/types';
import { encodeToken, loadEncryptionModule } from './codec.ts';
import { rethrowAsTokenCacheError } from './errors.ts';
import { lockSharingFailure } from './failure.ts';
import { belongsTo, parseRecord, readRecord } from './record.ts';

/** The room for the next token of a key, and what an earlier holder of the lock has left. */
export interface TokenReservation {
  interrupted: boolean;
  release: () => Promise<void>;
}

/** What writes and locks. Loaded with the first lock or write. */
export interface SharedFiles {
  lock<T>(file: string, key: string, work: () => Promise<T>, options?: LockOptions<T>): Promise<T>;
  reserve(file: string, key: string): Promise<TokenReservation>;
  write(file: string, key: string, token: Token): Promise<void>;
}

/** One login replaces a token file that other users could have read or planted. */
const REPLACE_REFUSED = { replaceRefused: true };

/** Creates the {@link SharedFiles} of one cache. */
export function createSharedFiles(encryption: KeySource | undefined): SharedFiles {
  /** The files whose locks are held, with the room that is reserved for them. */
  const held = new Map<string, Reservation | undefined>();

  async function lock<T>(file: string, key: string, work: () => Promise<T>, options: LockOptions<T> = {}): Promise<T> {
    let failed: { error: unknown } | undefined;
    async function run(): Promise<T> {
      held.set(file, undefined);
      try {
        return await work();
      } catch (error) {
        failed = { error };
        throw error;
      } finally {
        const reservation = held.get(file);
        held.delete(file);
        await reservation?.close();
      }
    }
    const isWhole = (text: string): Promise<boolean> => isSuccessor(text, file, key);
    // Only errors of the lock itself are renamed, not what the work throws.
    return lockSharingFailure(file, run, { ...options, isWhole }).catch((error: unknown) => {
      if (failed?.error === error) throw error;
      return rethrowAsTokenCacheError(error);
    });
  }

  async function reserve(file: string, key: string): Promise<TokenReservation> {
    if (!held.has(file)) throw new TypeError('reserve must be called with the lock of its key held.');
    // The holder of the lock knows the outcome of its own requests.
    await held.get(file)?.release();
    held.set(file, undefined);
    if (encryption !== undefined) await (await loadEncryptionModule()).assertEncryptable(encryption);
    await prepareFile(file, key, encryption);
    const reservation = await reservePrivate(file, REPLACE_REFUSED);
    held.set(file, reservation);
    return { interrupted: reservation.interrupted, release: () => release(file, reservation) };
  }

  /** A reservation that was written or replaced, or whose lock has ended, is not released: the file may belong to another process. */
  async function release(file: string, reservation: Reservation): Promise<void> {
    if (held.get(file) !== reservation) return;
    held.set(file, undefined);
    await reservation.release().catch(rethrowAsTokenCacheError);
  }

  async function write(file: string, key: string, token: Token): Promise<void> {
    const text = await encodeToken(key, token, encryption);
    if (!held.has(file)) return writeUnlocked(file, key, text, encryption);
    // With the lock held every write goes through a reservation. It replaces the one that a killed process may have left.
    if (held.get(file) === undefined) await reserve(file, key);
    const reservation = held.get(file);
    held.set(file, undefined);
    await reservation?.write(text);
  }

  return { lock, reserve, write };
}

async function writeUnlocked(
  file: string,
  key: string,
  text: string,
  encryption: KeySource | undefined,
): Promise<void> {
  await prepareFile(file, key, encryption);
  await writePrivate(file, text, REPLACE_REFUSED);
  // A text that was left there is older. The next holder of the lock must not adopt it.
  const pending = `${file}.pending`;
  if (fileVersion(pending) !== undefined) await attempt(removePrivate(pending));
}

/**
 * Whether `text` is a whole record of `key` that may become the content of `file`. A file of a newer format is not replaced, and an encrypted
 * token not by a plain one.
 */
async function isSuccessor(text: string, file: string, key: string): Promise<boolean> {
  const record = parseRecord(text, file);
  if (record === undefined || !belongsTo(record, key)) return false;
  const stored = await attempt(readRecord(file));
  if (!stored.ok) return stored.error.code !== 'newer_file_format';
  return record.format === 2 || typeof stored.value !== 'object' || stored.value.format === 1;
}

/**
 * Moves a damaged file aside before a new token is written: its content may be of interest to the user. A file of a newer format stays,
 * and so does one that can't be read at this moment, or an encrypted token where there is no key to encrypt the next one with. The write then
 * fails with the error.
 */
async function prepareFile(file: string, key: string, encryption: KeySource | undefined): Promise<void> {
  const stored = await attempt(readRecord(file, key));
  if (!stored.ok && stored.error.code !== 'insecure_file_permissions') throw stored.error;
  if (!stored.ok || stored.value === undefined) return;
  if (stored.value === 'damaged') await quarantine(file);
  else if (stored.value.format === 2 && encryption === undefined)
    throw (await loadEncryptionModule()).missingKeyError(stored.value, file);
}
