import { createSingleFlight, type SingleFlight } from '@oa/mechanisms';
import type { KeySource } from '@oa/types';

/** The length of a key of AES-256. */
const KEY_BYTES = 32;

type AesKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** The key of a source: once it is there, it can't be read out again. */
interface LoadedKey {
  key: AesKey | undefined;
  loading: SingleFlight<AesKey>;
}

/** A source that the program has dropped takes its key with it. */
const loadedKeys = new WeakMap<KeySource, LoadedKey>();

/**
 * Asks a source for its key, once for as long as the process runs. All callers that ask meanwhile wait for the same answer. A failure is not
 * kept: the next call asks again.
 *
 * @throws {OAuthError} `storage_unavailable`, or whatever else the source rejects with
 * @throws {TypeError} if the source returns anything but 32 bytes
 */
export async function loadKey(source: KeySource, signal: AbortSignal | undefined): Promise<AesKey> {
  signal?.throwIfAborted();
  const loaded = loadedKeys.get(source) ?? { key: undefined, loading: createSingleFlight() };
  loadedKeys.set(source, loaded);
  loaded.key ??= await loaded.loading.run('', (shared) => importSourceKey(source, shared), signal);
  return loaded.key;
}

async function importSourceKey(source: KeySource, signal: AbortSignal): Promise<AesKey> {
  const bytes: unknown = await source.key(signal);
  assertKeyBytes(source.id, bytes);
  // A copy, because the bytes may be shared with other threads, which Web Crypto refuses.
  const copy = Uint8Array.from(bytes);
  try {
    return await crypto.subtle.importKey('raw', copy, 'AES-GCM', false, ['encrypt', 'decrypt']);
  } finally {
    copy.fill(0);
  }
}

function assertKeyBytes(id: string, bytes: unknown): asserts bytes is Uint8Array {
  if (bytes instanceof Uint8Array && bytes.length === KEY_BYTES) return;
  const returned = bytes instanceof Uint8Array ? `${bytes.length} bytes` : `a value of the type ${typeof bytes}`;
  throw new TypeError(
    `The key source ${JSON.stringify(id)} must return a Uint8Array of ${KEY_BYTES} bytes, and it returned ${returned}. ` +
      'Use the random bytes themselves, and no text of them in hexadecimal or base64.',
  );
}
