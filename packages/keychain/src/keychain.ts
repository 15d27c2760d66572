import { OAuthError } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';

/** Names a key in the keychain. */
export interface KeychainItem {
  service: string;
  account: string;
}

/** The keychain of an operating system, for one item. */
export interface Keychain {
  /**
   * Reads the item.
   *
   * @returns `undefined` if there certainly is none
   * @throws {OAuthError} `storage_unavailable`
   * @throws the reason of `signal`
   */
  find(signal: AbortSignal): Promise<string | undefined>;
  /**
   * Adds the item. One that is there already is not replaced, and that is no error.
   *
   * @throws {OAuthError} `storage_unavailable`
   * @throws the reason of `signal`
   */
  add(text: string, signal: AbortSignal): Promise<void>;
  /** What to do if the keychain does not answer in time. */
  cureIfSlow: string;
}

/** What is wrong with a keychain, and what helps. */
export interface KeychainProblem {
  problem: string;
  cure: string;
  /** Whether the same call can succeed later. */
  retryable: boolean;
}

/** The way without a keychain. */
export const WITHOUT_KEYCHAIN =
  'On a machine without a desktop session, use passphraseKey or systemdCredential of @oa/keychain instead.';

const MAX_SHOWN_NAME_CHARACTERS = 100;

/** How errors name an item. */
export function describeItem({ service, account }: KeychainItem): string {
  return toErrorText(`${service}/${account}`, MAX_SHOWN_NAME_CHARACTERS);
}

/** The error for a key that can't be had. Nothing of the output of a program is in it. */
export function keychainError(item: KeychainItem, { problem, cure, retryable }: KeychainProblem): OAuthError {
  return new OAuthError(
    'storage_unavailable',
    `The encryption key ${describeItem(item)} can't be had from the keychain: ${problem}. ${cure}`,
    { retryable },
  );
}

/** The problem of a program whose message is not known. */
export function unknownFailure(program: string, status: number | string): KeychainProblem {
  return {
    problem: `${program} failed (${status})`,
    cure: `Check that the keychain works, for example in its own program. ${WITHOUT_KEYCHAIN}`,
    retryable: true,
  };
}
