import { getJson } from '@oa/http';
import { createSingleFlight, setBounded } from '@oa/mechanisms';
import type { RequestOptions } from '@oa/types';
import { isKeyFor } from './algorithm.ts';

/** A JSON Web Key as a server publishes it. */
export type PublishedKey = Record<string, unknown>;

interface KeySet {
  keys: readonly unknown[];
  /** Milliseconds since the epoch. */
  fetchedAt: number;
}

/** A key that the server has withdrawn is not used for longer. */
const MAX_KEY_SET_AGE_MS = 3_600_000;
/** The same unknown key, or the same wrong signature, is not a reason for another request within this time. */
const KEY_SET_PAUSE_MS = 60_000;
const MAX_KEY_SETS = 100;
const MAX_UNKNOWN_KEYS = 1000;

const keySets = new Map<string, KeySet>();
/** When a key was last looked for in vain, in milliseconds since the epoch. */
const unknownKeys = new Map<string, number>();
const fetches = createSingleFlight<KeySet>();

/**
 * Finds the published keys that fit the header of an ID token. The keys of a server are fetched once, and once more for each `kid` that is
 * not among them.
 *
 * @throws {OAuthError} an error of the request
 */
export async function findKeys(
  url: string,
  header: Record<string, unknown>,
  options: RequestOptions,
): Promise<PublishedKey[]> {
  const { now = Date.now } = options;
  const known = keySets.get(url);
  const name = JSON.stringify([url, header['kid'], header['alg']]);
  if (known !== undefined && isWithin(known.fetchedAt, MAX_KEY_SET_AGE_MS, now())) {
    const found = keysFor(header, known);
    if (found.length > 0 || isWithin(unknownKeys.get(name), KEY_SET_PAUSE_MS, now())) return found;
  }
  const found = keysFor(header, await fetchKeySet(url, options));
  if (found.length === 0) setBounded(unknownKeys, name, now(), MAX_UNKNOWN_KEYS);
  return found;
}

/**
 * Finds the keys again, where a signature does not fit: some servers replace a key and keep its `kid`.
 *
 * @returns `undefined` if the known keys were fetched just now
 * @throws {OAuthError} an error of the request
 */
export async function findNewerKeys(
  url: string,
  header: Record<string, unknown>,
  options: RequestOptions,
): Promise<PublishedKey[] | undefined> {
  const { now = Date.now } = options;
  if (isWithin(keySets.get(url)?.fetchedAt, KEY_SET_PAUSE_MS, now())) return undefined;
  return keysFor(header, await fetchKeySet(url, options));
}

async function fetchKeySet(url: string, options: RequestOptions): Promise<KeySet> {
  const { signal, ...network } = options;
  const fetchOnce = async (shared: AbortSignal): Promise<KeySet> => {
    const { keySetSchema } = await import('./schemas.ts');
    const fetchedAt = (options.now ?? Date.now)();
    const { keys } = await getJson(url, keySetSchema, { ...network, signal: shared });
    const set = { keys, fetchedAt };
    setBounded(keySets, url, set, MAX_KEY_SETS);
    return set;
  };
  return fetches.run(url, fetchOnce, signal);
}

function keysFor(header: Record<string, unknown>, { keys }: KeySet): PublishedKey[] {
  return keys.filter((key): key is PublishedKey => isKeyFor(header, key));
}

/** Whether `time` is at most `milliseconds` ago. A time in the future is not: the clock was set back. */
function isWithin(time: number | undefined, milliseconds: number, now: number): boolean {
  return time !== undefined && time <= now && now - time < milliseconds;
}
