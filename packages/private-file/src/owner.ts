import { insecureFileError, quotePath } from './message.ts';
import type { OAuthError } from '@oa/types';

/** The error for a file of another user, with the command that gives it to this user. */
export function foreignFileError(path: string, uid: number): OAuthError {
  const remedy =
    uid === 0
      ? `Run: ${chownCommand(path)} (an earlier run as root, such as with sudo, may have created it).`
      : `Remove it, or, if you trust what that user wrote, run: ${chownCommand(path)}`;
  return insecureFileError(path, describeOwner(uid), remedy);
}

/** Whose it is, and as which user this program runs. */
export function describeOwner(uid: number): string {
  return `belongs to another user (${describeUser(uid)}), and this program runs as ${currentUser()}`;
}

/** The command that gives a file or directory to the user of this program. Only root can run it. */
export function chownCommand(path: string, flag: '' | '-R ' = ''): string {
  return `${isRoot() ? '' : 'sudo '}chown ${flag}${currentUser()} ${quotePath(path)}`;
}

/** Whether this program runs as root. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** The name of the user that this program runs as, or the number of one without a name. */
export function currentUser(): string {
  const uid = process.geteuid?.() ?? 0;
  return quotePath(findUserName(uid) ?? String(uid));
}

/** The name of a user, or the number of one without a name. */
export function describeUser(uid: number): string {
  const name = findUserName(uid);
  return name === undefined ? `uid ${uid}` : `${quotePath(name)}, uid ${uid}`;
}

function findUserName(uid: number): string | undefined {
  return findOwnName(uid) ?? findSudoName(uid) ?? findListedName(uid);
}

/** Node.js asks the system for the user of this process, and for no other user. */
function findOwnName(uid: number): string | undefined {
  try {
    const user = process.getBuiltinModule('node:os').userInfo();
    return user.uid === uid ? user.username : undefined;
  } catch {
    // The user has no name, or the runtime gives no permission.
    return undefined;
  }
}

/** Where accounts are not in a file, as on macOS, sudo still tells for whom it runs. */
function findSudoName(uid: number): string | undefined {
  return readVariable('SUDO_UID') === String(uid) ? readVariable('SUDO_USER') : undefined;
}

function findListedName(uid: number): string | undefined {
  try {
    const lines = process.getBuiltinModule('node:fs').readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find(([, , number]) => number === String(uid))?.[0];
  } catch {
    return undefined;
  }
}

/** A variable of the environment. Deno asks for a permission here, and without it there is none. */
export function readVariable(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}
