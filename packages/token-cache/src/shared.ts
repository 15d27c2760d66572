import { readPrivate, reservePrivate, setAside, writePrivate, type Reservation } from '@oa/private-file';
import { isOAuthError, type LockOptions, type Token } from '@oa/types';
import { toTokenCacheError } from './errors.ts';
import { lockSharingFailure } from './failure.ts';
import { belongsTo, deserialize, serialize } from './record.ts';

/** What processes do together: loaded with the first lock or write. */
export interface SharedFiles {
  lock<T>(file: string, work: () => Promise<T>, options?: LockOptions<T>): Promise<T>;
  reserve(file: string): Promise<{ interrupted: boolean }>;
  write(file: string, key: string, token: Token): Promise<void>;
}

export function createSharedFiles(): SharedFiles {
  /** The files whose locks are held, with the room reserved for them. */
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
    // What the work throws is its own: only errors of the lock are put in this package's words.
    return lockSharingFailure(file, run, options).catch((error: unknown) => {
      throw failed?.error === error ? error : toTokenCacheError(error);
    });
  }

  async function reserve(file: string): Promise<{ interrupted: boolean }> {
    if (!held.has(file)) throw new TypeError('reserve is to be called with the lock of its key held.');
    await held.get(file)?.release();
    const reservation = await reservePrivate(file);
    held.set(file, reservation);
    return { interrupted: reservation.interrupted };
  }

  async function write(file: string, key: string, token: Token): Promise<void> {
    const text = serialize(key, token);
    await makeWay(file, key);
    if (!held.has(file)) return writePrivate(file, text);
    // With the lock held every write goes through a reservation, so that none of a killed process outlives it.
    const reservation = held.get(file) ?? (await reservePrivate(file));
    held.set(file, undefined);
    return reservation.write(text);
  }

  return { lock, reserve, write };
}

/**
 * Readies the place for a new token. A damaged file is moved aside, since it may hold what its owner wants to look at;
 * one of a newer format, or one that others could have planted, stays where it is, and the writing ends with the error.
 */
async function makeWay(file: string, key: string): Promise<void> {
  try {
    const text = await readPrivate(file);
    if (text === undefined) return;
    const record = deserialize(text, file);
    if (record !== undefined && belongsTo(record, key)) return;
  } catch (error) {
    if (!isOAuthError(error) || error.code !== 'corrupt_file') throw error;
  }
  await setAside(file);
}
