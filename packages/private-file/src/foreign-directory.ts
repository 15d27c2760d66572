import { OAuthError } from '@oa/types';
import { findBase, isPathWithin, variablesOf, type BaseDirectory } from './base-directory.ts';
import { hasModes, insecureFileError, quotePath } from './message.ts';
import { fs, paths } from './node.ts';
import { chownCommand, currentUser, describeOwner, isRoot } from './owner.ts';
import { isSystemError, toStorageError } from './storage-error.ts';

/** A directory of another user, on the way to a private file. */
interface ForeignDirectory {
  path: string;
  uid: number;
}

/**
 * The error for a directory of another user.
 *
 * docs/decisions/044-home-of-another-user.md says which error it is.
 *
 * @param directory the directory of the private file. `found` is that directory, or one above it.
 */
export function foreignDirectoryError(found: ForeignDirectory, directory: string): OAuthError {
  const base = findBase(directory);
  if (base !== undefined && isOnTheWay(found.path, base.path)) return foreignHomeError(found, base);
  const isParent = found.path !== directory && found.path !== toRealPath(directory);
  const problem = isParent ? ', and its owner can exchange the directories in it' : '';
  return insecureFileError(found.path, `${describeOwner(found.uid)}${problem}`, remedyFor(found, base, isParent));
}

/**
 * Converts an error of the file system, as `toStorageError` does. If permissions are missing because a directory on the way belongs to
 * another user, the error names that user and the remedy.
 *
 * @param reading whether only a read has failed
 * @returns a `storage_unavailable`, `retryable` if the failure may be over in a moment; or `error` itself
 */
export function toDirectoryError(error: unknown, directory: string, reading: boolean = false): unknown {
  const isDenied = hasModes() && isSystemError(error, 'EACCES', 'EPERM');
  const found = isDenied ? findClosedDirectory(directory) : undefined;
  if (found === undefined) return toStorageError(error, directory, reading);
  const base = findBase(directory);
  if (base !== undefined && isOnTheWay(found.path, base.path)) return foreignHomeError(found, base);
  const reason = `this user may not use it, because ${quotePath(found.path)} ${describeOwner(found.uid)}`;
  return new OAuthError(
    'storage_unavailable',
    `${quotePath(directory)} can't be used: ${reason}. ${remedyFor(found, base, found.path !== directory)}`,
  );
}

/** A variable leads to the files of another user, as HOME does after `sudo` on many systems. */
function foreignHomeError(found: ForeignDirectory, base: BaseDirectory): OAuthError {
  const place = isSamePlace(found.path, base.path)
    ? `${quotePath(base.path)}, which ${base.variable} names,`
    : `${quotePath(base.path)}, which ${base.variable} names, is in ${quotePath(found.path)}, which`;
  return new OAuthError(
    'storage_unavailable',
    `${place} ${describeOwner(found.uid)}, so nothing is read or stored there. ${homeRemedy(found, base)}`,
  );
}

function homeRemedy({ uid }: ForeignDirectory, base: BaseDirectory): string {
  const setting = `set ${variablesOf(base)} to a directory of ${currentUser()}`;
  if (uid === 0) return `${setting.replace('s', 'S')}.`;
  if (!isRoot()) return `Run the program as that user, or ${setting}.`;
  const sudo = base.variable === 'HOME' ? 'without sudo, or with sudo -H' : 'without sudo';
  return `Files of root there would stop the next run of that user. Run the program ${sudo}, or ${setting}.`;
}

function remedyFor({ path, uid }: ForeignDirectory, base: BaseDirectory | undefined, isParent: boolean): string {
  const own = findTopmost(path, base);
  if (own !== undefined && uid === 0)
    return `Run: ${chownCommand(own, '-R ')} (an earlier run as root, such as with sudo, may have created it).`;
  if (own === path)
    return `Use another directory, or, if you trust what that user wrote there, run: ${chownCommand(path)}`;
  if (!isParent) return `Use another directory, or, if it is for this program alone, run: ${chownCommand(path)}`;
  return uid === 0 ? 'Use another directory.' : 'Use a directory whose parents belong to this user or to root.';
}

/**
 * Finds the topmost directory on the way to `path` that belongs to another user, in a directory of this user. A command must not take a
 * directory of the system, or a home, from its owner.
 */
function findTopmost(path: string, base: BaseDirectory | undefined): string | undefined {
  const isBelowBase = base !== undefined && base.path !== '/' && !isOnTheWay(path, base.path);
  if (path === '/' || (isRoot() && !isBelowBase)) return undefined;
  const parent = paths.dirname(path);
  try {
    return fs.statSync(parent).uid === process.geteuid?.() ? path : findTopmost(parent, base);
  } catch {
    return undefined;
  }
}

/** Whether `path` is `base`, or a directory above it. */
function isOnTheWay(path: string, base: string): boolean {
  return isPathWithin(base, path) || isPathWithin(toRealPath(base), path);
}

function isSamePlace(path: string, base: string): boolean {
  return path === base || path === toRealPath(base);
}

/** The real path of what exists of `path`, and the names of the rest. */
function toRealPath(path: string): string {
  try {
    return fs.realpathSync.native(path);
  } catch {
    return path === '/' ? path : paths.join(toRealPath(paths.dirname(path)), paths.basename(path));
  }
}

/** The nearest directory that exists, if it belongs to another user. */
function findClosedDirectory(directory: string): ForeignDirectory | undefined {
  for (let path = directory; ; path = paths.dirname(path)) {
    try {
      const { uid } = fs.statSync(path);
      return uid === process.geteuid?.() ? undefined : { path: toRealPath(path), uid };
    } catch {
      if (path === '/') return undefined;
    }
  }
}
