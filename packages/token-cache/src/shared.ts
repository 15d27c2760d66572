import { quarantine, readPrivate, reservePrivate, writePrivate, type Reservation } from '@oa/private-file';
import { isOAuthError, type LockOptions, type Token } from '@oa/types';
import { rethrowAsTokenCacheError } from './errors.ts';
import { lockSharingFailure } from './failure.ts';
import { belongsTo, parseRecord, serializeRecord } from './record.ts';

/** What writes and locks. Loaded with the first lock or write. */
export interface SharedFiles {
  lock<T>(file: string, work: () => Promise<T>, options?: LockOptions<T>): Promise<T>;
  reserve(file: string): Promise<{ interrupted: boolean }>;
  write(file: string, key: string, token: Token): Promise<void>;
}

/** Creates the {@link SharedFiles} of one cache. */
export function createSharedFiles(): SharedFiles {
  /** The files whose locks are held, with the room that is reserved for them. */
  const held = new Map<string, Reservation | undefined>();

  async function lock<T>(file: string, work: () => Promise<T>, options: LockOptions<T> = {}): Promise<T> {
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
        await reservation?.release();
      }
    }
    // Only errors of the lock itself are renamed, not what the work throws.
    return lockSharingFailure(file, run, options).catch((error: unknown) => {
      if (failed?.error === error) throw error;
      return rethrowAsTokenCacheError(error);
    });
  }

  async function reserve(file: string): Promise<{ interrupted: boolean }> {
    if (!held.has(file)) throw new TypeError('reserve must be called with the lock of its key held.');
    await held.get(file)?.release();
    const reservation = await reservePrivate(file);
    held.set(file, reservation);
    return { interrupted: reservation.interrupted };
  }

  async function write(file: string, key: string, token: Token): Promise<void> {
    const text = serializeRecord(key, token);
    await quarantineDamaged(file, key);
    if (!held.has(file)) return writePrivate(file, text);
    // With the lock held every write goes through a reservation. It replaces the one that a killed process may have left.
    const reservation = held.get(file) ?? (await reservePrivate(file));
    held.set(file, undefined);
    return reservation.write(text);
  }

  return { lock, reserve, write };
}

/**
 * Moves a damaged file aside before a new token is written: its content may be of interest to the user. A file of a newer format,
 * and one that another user could have planted, stays, and the write fails with the error.
 */
async function quarantineDamaged(file: string, key: string): Promise<void> {
  try {
    const text = await readPrivate(file);
    if (text === undefined) return;
    const record = parseRecord(text, file);
    if (record !== undefined && belongsTo(record, key)) return;
  } catch (error) {
    if (!isOAuthError(error) || error.code !== 'corrupt_file') throw error;
  }
  await quarantine(file);
}
