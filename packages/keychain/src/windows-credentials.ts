// The Credential Manager of Windows, which no program of Windows reads. @napi-rs/keyring is an optional peer dependency.
import { keychainError, type Keychain, type KeychainItem, type KeychainProblem } from './keychain.ts';

/** What is used of `@napi-rs/keyring`. */
export interface KeyringModule {
  AsyncEntry: new (
    service: string,
    account: string,
  ) => {
    getPassword(signal?: AbortSignal): Promise<string | null | undefined>;
    setPassword(password: string, signal?: AbortSignal): Promise<void>;
  };
}

const KEYRING_PACKAGE: string = '@napi-rs/keyring';
const PACKAGE_MISSING: KeychainProblem = {
  problem: 'the package @napi-rs/keyring is not installed, or does not work here',
  cure: 'Run: npm install @napi-rs/keyring. Or use passphraseKey of @oa/keychain.',
  retryable: false,
};
const REFUSED: KeychainProblem = {
  problem: 'the Credential Manager refused',
  cure: 'Check that it works for this user: a service or a remote session may have none. Or use passphraseKey of @oa/keychain.',
  retryable: true,
};

/** Opens the Credential Manager for one item. */
export function openWindowsCredentials(
  item: KeychainItem,
  load: () => Promise<unknown> = () => import(KEYRING_PACKAGE),
): Keychain {
  type Entry = InstanceType<KeyringModule['AsyncEntry']>;

  async function withEntry<T>(signal: AbortSignal, work: (entry: Entry) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const { AsyncEntry } = (await load().catch(() => {
      throw keychainError(item, PACKAGE_MISSING);
    })) as KeyringModule;
    try {
      return await work(new AsyncEntry(item.service, item.account));
    } catch {
      // The error of the package is dropped: it could quote a value.
      signal.throwIfAborted();
      throw keychainError(item, REFUSED);
    }
  }

  return {
    cureIfSlow: 'Check that the Credential Manager works for this user, and try again.',
    find: async (signal) => (await withEntry(signal, (entry) => entry.getPassword(signal))) ?? undefined,
    add: (text, signal) => withEntry(signal, (entry) => entry.setPassword(text, signal)),
  };
}
