import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** The user without rights on most systems. The tests that need it run as root, which CI always does. */
export const otherUser = 65_534;

/** Its name, as the system tells it. */
export const otherUserName: string = String(spawnSync('id', ['-un', String(otherUser)]).stdout).trim();

/** Why a test can't act as another user. `undefined` if it can. */
export const noOtherUser: string | undefined =
  process.geteuid?.() !== 0
    ? 'only root can act as another user and give files away'
    : asOtherUser(() => canReach(tmpdir()))
      ? undefined
      : 'another user can not reach the temporary directory';

/** Runs `work` with the rights of the other user. */
export function asOtherUser<T>(work: () => T): T {
  const user = process.geteuid?.() ?? 0;
  process.seteuid?.(otherUser);
  try {
    return work();
  } finally {
    process.seteuid?.(user);
  }
}

function canReach(directory: string): boolean {
  try {
    // The path is not normalised: the final `/.` needs the right to enter the directory.
    return statSync(`${directory}/.`).isDirectory();
  } catch {
    return false;
  }
}
