// The Secret Service of Linux (GNOME Keyring, KWallet, KeePassXC), by the program secret-tool of libsecret.
import { randomText } from '@oa/mechanisms';
import { findTool, toolDirectories } from './find-tool.ts';
import {
  keychainError,
  unknownFailure,
  WITHOUT_KEYCHAIN,
  type Keychain,
  type KeychainItem,
  type KeychainProblem,
} from './keychain.ts';
import { runTool, type ToolEnd, type ToolInput } from './run-tool.ts';

const NOT_INSTALLED: KeychainProblem = {
  problem: 'the program secret-tool is not installed',
  cure: `Install it: apt install libsecret-tools, dnf install libsecret, or apk add libsecret. ${WITHOUT_KEYCHAIN}`,
  retryable: false,
};
const LOCKED: KeychainProblem = {
  problem: 'the keyring is locked, or the request to unlock it was refused',
  cure: `Unlock it, and try again. A login to a desktop session unlocks it. ${WITHOUT_KEYCHAIN}`,
  retryable: true,
};
/** The messages of secret-tool, GLib and D-Bus in English. No word of them is quoted. */
const KNOWN_MESSAGES: readonly [RegExp, KeychainProblem][] = [
  [/locked|dismissed|prompt|Object does not exist/i, LOCKED],
  [
    /not provided by any|ServiceUnknown|NameHasNoOwner|does not have an owner|StartServiceByName|ChildExited/i,
    {
      problem: 'no keyring answers on the session bus',
      cure: `Install and start one, such as gnome-keyring, KWallet or KeePassXC. ${WITHOUT_KEYCHAIN}`,
      retryable: true,
    },
  ],
  [
    /autolaunch|dbus-launch|could not connect|connection (?:is closed|refused)|session bus|BUS_ADDRESS/i,
    {
      problem: 'there is no D-Bus session bus',
      cure: `Log in to a desktop session. In a container or over ssh, start the program with dbus-run-session, and unlock a keyring in it. ${WITHOUT_KEYCHAIN}`,
      retryable: false,
    },
  ],
];

/**
 * Opens the Secret Service for one item.
 *
 * No item is ever replaced: the store of a locked keyring can have an item that is not seen until the user unlocks it for the new one. So
 * each new item has an attribute of its own, and is removed again where an older one shows up.
 */
export function openSecretService(item: KeychainItem, directories: readonly string[] = toolDirectories()): Keychain {
  const attributes = ['--', 'service', item.service, 'account', item.account];

  async function run(command: string, args: readonly string[], input: ToolInput): Promise<ToolEnd> {
    const program = findTool('secret-tool', directories);
    if (program === undefined) throw keychainError(item, NOT_INSTALLED);
    return runTool(program, [command, ...args], input);
  }

  /** The secrets that the search finds without unlocking anything. */
  async function search(signal: AbortSignal): Promise<string[]> {
    const end = await run('search', ['--all', ...attributes], { signal });
    const items = end.stdout.match(/^\[.+\]$/gm) ?? [];
    const secrets = Array.from(end.stdout.matchAll(/^secret = (.*)$/gm), ([, secret = '']) => secret);
    if (items.length > secrets.length) throw keychainError(item, LOCKED);
    if (items.length === 0 && !isNothingFound(end)) throw toolError(item, end);
    return secrets;
  }

  return {
    cureIfSlow: `Answer its dialog if it shows one, and check that the keyring runs. ${WITHOUT_KEYCHAIN}`,
    async find(signal) {
      const end = await run('lookup', attributes, { signal });
      if (end.status === 0) return end.stdout;
      if (!isNothingFound(end)) throw toolError(item, end);
      // An item in a locked keyring is not found either, if the user does not unlock it.
      await search(signal);
      return undefined;
    },
    async add(text, signal) {
      const label = `--label=Encryption key of ${item.service}`;
      const own = [...attributes, 'key_id', randomText()];
      const end = await run('store', [label, ...own], { input: text, signal });
      if (end.status !== 0) throw toolError(item, end);
      const secrets = await search(signal);
      if (secrets.some((secret) => secret !== text)) await run('clear', own, { signal });
    },
  };
}

/** secret-tool ends with 1 where it finds nothing, and where it fails. Only a failure has a message of its own. */
function isNothingFound({ status, stderr }: ToolEnd): boolean {
  return (status === 0 || status === 1) && !/^secret-tool: /m.test(stderr);
}

function toolError(item: KeychainItem, { status, stderr }: ToolEnd): Error {
  const [, known] = KNOWN_MESSAGES.find(([pattern]) => pattern.test(stderr)) ?? [];
  return keychainError(item, known ?? unknownFailure('secret-tool', status));
}
