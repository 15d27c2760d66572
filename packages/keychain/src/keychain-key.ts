import { abortable, createSingleFlight, MAX_TIMER_MS, sha256Hex, startTimeout } from '@oa/mechanisms';
import { userDirectory, withLock, withStorageErrors } from '@oa/private-file';
import { OAuthError, type KeySource } from '@oa/types';
import { ENCRYPTION_KEY_BYTES, parseKeyText, toKeyText } from './key-text.ts';
import { describeItem, keychainError, type Keychain, type KeychainItem } from './keychain.ts';

/** The time that a user has to find the dialog of the keyring and to type a password. What can't work without a user fails at once. */
const DEFAULT_KEYCHAIN_TIMEOUT_MS = 60_000;
const MAX_ITEM_NAME_CHARACTERS = 255;
const OPTION_NAMES: ReadonlySet<string> = new Set(['service', 'account', 'timeout']);

/** The options of {@link keychainKey}. */
export interface KeychainKeyOptions {
  /** The name of the program, as the user sees it in the keychain. */
  service: string;
  /** What the key is for, such as `tokens`. */
  account: string;
  /**
   * Milliseconds for all of it, the time included that the user takes to unlock the keychain in a dialog.
   *
   * @default 60_000
   */
  timeout?: number | undefined;
}

/**
 * Makes a source of an encryption key that is kept in the keychain of the operating system: the Secret Service of Linux, the keychain of
 * macOS, the Credential Manager of Windows. The first use creates the key: 32 random bytes. Processes that start at the same moment end with
 * one key. An item that is no key is an error, and is not replaced.
 *
 * `key()` rejects with an `OAuthError` `storage_unavailable` whose message has the cure, if the keychain is missing, locked or slow, or if
 * the stored text is no key.
 *
 * @throws {TypeError} if an option is missing, unknown or wrong
 * @example
 * const encryption = keychainKey({ service: 'my-tool', account: 'tokens' });
 * const manager = createManager({ cache: fileTokenCache({ encryption }) });
 */
export function keychainKey(options: KeychainKeyOptions): KeySource {
  assertKeychainOptions(options);
  const { service, account, timeout = DEFAULT_KEYCHAIN_TIMEOUT_MS } = options;
  return createKeychainSource({ service, account }, timeout, openSystemKeychain);
}

function assertKeychainOptions(options: KeychainKeyOptions): void {
  const unknown = Object.keys(options).find((name) => !OPTION_NAMES.has(name));
  if (unknown !== undefined)
    throw new TypeError(`keychainKey has no option ${unknown}. Use ${[...OPTION_NAMES].join(', ')}.`);
  for (const name of ['service', 'account'] as const) assertItemName(`options.${name}`, options[name]);
  const { timeout = DEFAULT_KEYCHAIN_TIMEOUT_MS } = options;
  if (!(typeof timeout === 'number' && timeout > 0 && timeout <= MAX_TIMER_MS))
    throw new TypeError(`options.timeout must be a number of milliseconds, more than 0 and at most ${MAX_TIMER_MS}.`);
}

/** A control character could end a command, and would change the text of an error. */
function assertItemName(name: string, value: unknown): void {
  if (
    typeof value !== 'string' ||
    value === '' ||
    value.length > MAX_ITEM_NAME_CHARACTERS ||
    /[\p{Cc}\p{Cs}]/u.test(value)
  )
    throw new TypeError(
      `${name} must be a string of 1 to ${MAX_ITEM_NAME_CHARACTERS} characters without control characters. Is a variable not set?`,
    );
}

/** Each system has its module, which is loaded when the key is needed. */
async function openSystemKeychain(item: KeychainItem): Promise<Keychain> {
  if (process.platform === 'darwin') return (await import('./mac-keychain.ts')).openMacKeychain(item);
  if (process.platform === 'win32') return (await import('./windows-credentials.ts')).openWindowsCredentials(item);
  return (await import('./secret-service.ts')).openSecretService(item);
}

/**
 * Makes the source of a key in a keychain. The calls of a process share one look, and the key is kept.
 *
 * @param timeout milliseconds
 */
export function createKeychainSource(
  item: KeychainItem,
  timeout: number,
  open: (item: KeychainItem) => Promise<Keychain>,
): KeySource {
  const flights = createSingleFlight<Uint8Array>();
  let known: Uint8Array | undefined;
  return {
    id: `keychain:${item.service}/${item.account}`,
    async key(signal) {
      signal?.throwIfAborted();
      known ??= await flights.run('key', (shared) => loadInTime(item, timeout, open, shared), signal);
      // A caller that changes its bytes does not change those of the others.
      return Uint8Array.from(known);
    },
  };
}

async function loadInTime(
  item: KeychainItem,
  timeout: number,
  open: (item: KeychainItem) => Promise<Keychain>,
  shared: AbortSignal,
): Promise<Uint8Array> {
  // A module is a file too: a process that has too many open files can't load it.
  const keychain = await withStorageErrors('A module of @oa/keychain', open(item));
  const controller = new AbortController();
  const stop = startTimeout(() => controller.abort(slowError(item, timeout, keychain)), timeout);
  const signal = AbortSignal.any([shared, controller.signal]);
  try {
    return await abortable(findOrCreateKey(item, keychain, signal), signal);
  } finally {
    stop();
  }
}

async function findOrCreateKey(item: KeychainItem, keychain: Keychain, signal: AbortSignal): Promise<Uint8Array> {
  const stored = await keychain.find(signal);
  if (stored !== undefined) return toKey(item, stored);
  const name = `keychain-${sha256Hex(JSON.stringify([item.service, item.account])).slice(0, 16)}`;
  const work = (): Promise<Uint8Array> => createKey(item, keychain, signal);
  return withLock(process.getBuiltinModule('node:path').join(userDirectory('config'), name), work, {
    signal,
    timeout: Infinity,
  });
}

/** What counts is what the keychain has in the end: another machine can share it, whose processes do not see the lock. */
async function createKey(item: KeychainItem, keychain: Keychain, signal: AbortSignal): Promise<Uint8Array> {
  const other = await keychain.find(signal);
  if (other !== undefined) return toKey(item, other);
  await keychain.add(toKeyText(crypto.getRandomValues(new Uint8Array(ENCRYPTION_KEY_BYTES))), signal);
  const stored = await keychain.find(signal);
  if (stored !== undefined) return toKey(item, stored);
  throw keychainError(item, {
    problem: 'it did not keep a new key',
    cure: 'Check that the default keyring can be written.',
    retryable: true,
  });
}

function toKey(item: KeychainItem, text: string): Uint8Array {
  const key = parseKeyText(text);
  if (key !== undefined) return key;
  throw new OAuthError(
    'storage_unavailable',
    `The item ${describeItem(item)} in the keychain is no encryption key: that is 32 bytes in hexadecimal or base64. It is left as it is. ` +
      'If another program made it, use another name (`service`, `account`). Else delete it, and log in again.',
  );
}

function slowError(item: KeychainItem, timeout: number, { cureIfSlow }: Keychain): OAuthError {
  return keychainError(item, {
    problem: `it did not answer within ${timeout / 1000} seconds`,
    cure: `${cureIfSlow} The option \`timeout\` gives more time.`,
    retryable: true,
  });
}
