import { abortable, createSingleFlight, sha256Hex } from '@oa/mechanisms';
import { OAuthError, type KeySource } from '@oa/types';
import { ENCRYPTION_KEY_BYTES } from './key-text.ts';

// The first choice of the OWASP cheat sheet: N = 2^17, r = 8, p = 1, which takes 128 MiB.
const SCRYPT_COST_FACTOR = 131_072;
const SCRYPT_BLOCKS = 8;
const SCRYPT_LANES = 1;
const MAX_SCRYPT_BYTES = 2 * 128 * SCRYPT_COST_FACTOR * SCRYPT_BLOCKS;
const MIN_SALT_CHARACTERS = 8;
const PASSPHRASE_OPTION_NAMES: ReadonlySet<string> = new Set(['passphrase', 'salt']);

/** The options of {@link passphraseKey}. */
export interface PassphraseKeyOptions {
  /** The passphrase, or a function that asks for it when the key is needed first. */
  passphrase: string | ((signal?: AbortSignal) => string | Promise<string>);
  /**
   * What makes the key of this program and user another one than that of others with the same passphrase, such as
   * `my-tool alice@example.com`. It is no secret, is stored nowhere, and must be the same at each run: another salt is another key. At least 8
   * characters.
   */
  salt: string;
}

/**
 * Makes a source that derives the key from a passphrase, with scrypt (N = 2^17, r = 8, p = 1). This takes 128 MiB and some tenths of a second,
 * once in a process.
 *
 * `key()` rejects with an `OAuthError` `storage_unavailable` if there is not enough memory, and with the error of the function.
 *
 * @throws {TypeError} if an option is missing, unknown or wrong
 * @see https://www.rfc-editor.org/rfc/rfc7914
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#scrypt
 * @example
 * const encryption = passphraseKey({ passphrase: askPassphrase, salt: 'my-tool alice@example.com' });
 */
export function passphraseKey(options: PassphraseKeyOptions): KeySource {
  assertPassphraseOptions(options);
  const { passphrase, salt } = options;
  const flights = createSingleFlight<Uint8Array>();
  let known: Uint8Array | undefined;

  async function derive(signal: AbortSignal): Promise<Uint8Array> {
    const text = typeof passphrase === 'function' ? await abortable(readText(passphrase, signal), signal) : passphrase;
    assertPassphrase(text, 'The result of options.passphrase');
    return abortable(deriveKey(text, salt), signal);
  }

  return {
    id: `passphrase:${sha256Hex(salt).slice(0, 16)}`,
    async key(signal) {
      signal?.throwIfAborted();
      known ??= await flights.run('key', derive, signal);
      return Uint8Array.from(known);
    },
  };
}

async function readText(
  passphrase: (signal: AbortSignal) => string | Promise<string>,
  signal: AbortSignal,
): Promise<string> {
  return passphrase(signal);
}

function assertPassphraseOptions(options: PassphraseKeyOptions): void {
  const unknown = Object.keys(options).find((name) => !PASSPHRASE_OPTION_NAMES.has(name));
  if (unknown !== undefined)
    throw new TypeError(`passphraseKey has no option ${unknown}. Use ${[...PASSPHRASE_OPTION_NAMES].join(', ')}.`);
  const { passphrase, salt } = options;
  if (typeof passphrase !== 'function') assertPassphrase(passphrase, 'options.passphrase');
  if (typeof salt !== 'string' || salt.length < MIN_SALT_CHARACTERS)
    throw new TypeError(
      `options.salt must be a string of at least ${MIN_SALT_CHARACTERS} characters, the same at each run, such as 'my-tool alice@example.com'.`,
    );
}

function assertPassphrase(value: unknown, name: string): void {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`${name} must be a non-empty string. Is a variable of the environment not set?`);
}

/** Keyboards and systems write the same letter in several ways. NFC makes them one. */
async function deriveKey(passphrase: string, salt: string): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const cost = { N: SCRYPT_COST_FACTOR, r: SCRYPT_BLOCKS, p: SCRYPT_LANES, maxmem: MAX_SCRYPT_BYTES };
  process
    .getBuiltinModule('node:crypto')
    .scrypt(passphrase.normalize('NFC'), salt.normalize('NFC'), ENCRYPTION_KEY_BYTES, cost, (error, key) =>
      error === null ? resolve(key) : reject(memoryError()),
    );
  return promise;
}

function memoryError(): OAuthError {
  return new OAuthError(
    'storage_unavailable',
    'The encryption key can not be derived from the passphrase: scrypt needs 128 MiB of memory. Give the process more memory, and try again.',
    { retryable: true },
  );
}
