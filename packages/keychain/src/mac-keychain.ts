// The keychain of macOS, by the program that Apple delivers.
import {
  keychainError,
  unknownFailure,
  WITHOUT_KEYCHAIN,
  type Keychain,
  type KeychainItem,
  type KeychainProblem,
} from './keychain.ts';
import { runTool, type ToolEnd } from './run-tool.ts';

const SECURITY_PROGRAM = '/usr/bin/security';

// The exit status is the lowest byte of the OSStatus: errSecItemNotFound is -25300.
const NOT_FOUND_CODE = 44;
const DUPLICATE_CODE = 45;

const NO_KEYCHAIN: KeychainProblem = {
  problem: 'this user has no keychain',
  cure: `Log in at the screen once, which makes one. ${WITHOUT_KEYCHAIN}`,
  retryable: true,
};
/** What the exit statuses mean: errSecInteractionNotAllowed, errSecAuthFailed, errSecUserCanceled, and those without a keychain. */
const KNOWN_STATUSES: Readonly<Record<string, KeychainProblem>> = {
  36: {
    problem: 'it is locked, and no dialog can be shown here',
    cure: `Run: security unlock-keychain. Or log in at the screen. ${WITHOUT_KEYCHAIN}`,
    retryable: true,
  },
  51: {
    problem: 'the access was denied, or the password was wrong',
    cure: 'Allow the access in the dialog, or run: security unlock-keychain. Then try again.',
    retryable: true,
  },
  128: {
    problem: 'the user closed its dialog',
    cure: 'Allow the access in the dialog, and try again.',
    retryable: true,
  },
  37: NO_KEYCHAIN,
  50: NO_KEYCHAIN,
  53: NO_KEYCHAIN,
};

/**
 * Opens the default keychain of macOS for one item. All commands go through the standard input, because arguments are visible to other
 * programs.
 */
export function openMacKeychain(item: KeychainItem, program: string = SECURITY_PROGRAM): Keychain {
  const name = `-s ${quoteForSecurity(item.service)} -a ${quoteForSecurity(item.account)}`;
  const run = (command: string, signal: AbortSignal): Promise<ToolEnd> =>
    runTool(program, ['-i'], { input: `${command}\n`, signal });

  return {
    cureIfSlow: 'Answer its dialog if it shows one, and try again.',
    async find(signal) {
      const { status, stdout } = await run(`find-generic-password ${name} -w`, signal);
      if (status === NOT_FOUND_CODE) return undefined;
      if (status !== 0) throw securityError(item, status);
      return stdout;
    },
    async add(text, signal) {
      const label = quoteForSecurity(`Encryption key of ${item.service}`);
      const { status } = await run(`add-generic-password ${name} -l ${label} -w ${quoteForSecurity(text)}`, signal);
      if (status !== 0 && status !== DUPLICATE_CODE) throw securityError(item, status);
    },
  };
}

/** Quotes an argument for `security -i`: within quotes, a backslash makes the next character ordinary. There are no other rules. */
export function quoteForSecurity(text: string): string {
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`;
}

function securityError(item: KeychainItem, status: number | string): Error {
  return keychainError(item, KNOWN_STATUSES[status] ?? unknownFailure(SECURITY_PROGRAM, status));
}
