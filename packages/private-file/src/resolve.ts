import type { Stats } from 'node:fs';
import { expectedOwner, toOctal } from './check.ts';
import { foreignDirectoryError, toDirectoryError } from './foreign-directory.ts';
import { CONTROL_CHARACTERS, hasModes, insecureFileError, quotePath } from './message.ts';
import { fs, paths } from './node.ts';
import { describeUser } from './owner.ts';
import { isPermissionMissing, isSystemError } from './storage-error.ts';

const { lstatSync, readlinkSync, realpathSync, statSync } = fs;

const MAX_LINKS = 40;

/** A directory or link, and what the file system says of it: nothing if the runtime hides it. */
interface Place {
  path: string;
  stats: Stats | undefined;
}

/**
 * Resolves the real path of a private file. Its directory must belong to this user and must not be writable by others, and no
 * other user may be able to change the way to it.
 *
 * @returns `undefined` if the directory does not exist. What exists of the way to it is checked.
 * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`
 * @throws {TypeError} if `path` is not absolute, or contains control characters
 */
export function resolvePrivatePath(path: string): string | undefined {
  assertPlainPath(path);
  const directory = paths.dirname(path);
  try {
    // Resolved once: a symbolic link that changes later does not lead this operation to two places.
    const real = hasModes() ? followWay(directory) : { path: realpathSync.native(directory), stats: undefined };
    assertPrivateDirectory(real.path, real.stats ?? statSync(real.path), directory);
    return paths.join(real.path, paths.basename(path));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw toDirectoryError(error, directory, true);
  }
}

function assertPlainPath(path: string): void {
  if (!paths.isAbsolute(path))
    throw new TypeError(`The path of a private file must be absolute, not ${quotePath(path)}.`);
  if (CONTROL_CHARACTERS.test(path))
    throw new TypeError(`The path of a private file must not contain control characters, as in ${quotePath(path)}.`);
}

/**
 * Resolves a directory as `realpath` does, one name after the other, and checks each directory in which a name is looked up, and
 * each link that is followed. A check of the result alone would accept a link of another user to a safe place.
 *
 * docs/decisions/026-parents-and-locks.md says why this is not done once for each process.
 */
function followWay(directory: string): Place {
  const root: Place = inspect('/');
  // In a user namespace root has another number. The owner of `/` can change everything in any case.
  const trusted = [process.geteuid?.(), root.stats?.uid ?? 0];
  const names = directory.split('/').toReversed();
  let place = root;
  let links = 0;
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    if (name === '' || name === '.') continue;
    assertTrustedParent(place, trusted, directory);
    const next = inspect(name === '..' ? paths.dirname(place.path) : `${place.path === '/' ? '' : place.path}/${name}`);
    if (next.stats?.isSymbolicLink() !== true) {
      place = next;
      continue;
    }
    assertTrustedLink(next.path, next.stats, trusted);
    links += 1;
    if (links > MAX_LINKS) throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
    const target = readlinkSync(next.path);
    if (paths.isAbsolute(target)) place = root;
    names.push(...target.split('/').toReversed());
  }
  return place;
}

/** The permission model of a runtime hides all but the paths that the operator chose for this program. They are then trusted. */
function inspect(path: string): Place {
  try {
    return { path, stats: lstatSync(path) };
  } catch (error) {
    if (isPermissionMissing(error)) return { path, stats: undefined };
    throw error;
  }
}

/** The rule of ssh. In a directory with the sticky bit, such as /tmp, other users can't rename or remove what is not theirs. */
function assertTrustedParent({ path, stats }: Place, trusted: readonly unknown[], directory: string): void {
  if (stats === undefined || !stats.isDirectory()) return;
  if (!trusted.includes(stats.uid)) throw foreignDirectoryError({ path, uid: stats.uid }, directory);
  if ((stats.mode & 0o022) !== 0 && (stats.mode & 0o1000) === 0)
    throw insecureFileError(
      path,
      `can be written by other users (mode ${toOctal(stats)}), and they can exchange the directories in it`,
      `Run: chmod go-w ${quotePath(path)} (chmod +t, if others must write in it), or use another directory.`,
    );
}

function assertTrustedLink(path: string, stats: Stats, trusted: readonly unknown[]): void {
  if (!trusted.includes(stats.uid))
    throw insecureFileError(
      path,
      `is a symbolic link of another user (${describeUser(stats.uid)})`,
      'Use another directory.',
    );
}

function assertPrivateDirectory(path: string, stats: Stats, directory: string): void {
  if (!stats.isDirectory()) throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' });
  if (stats.uid !== expectedOwner(stats)) throw foreignDirectoryError({ path, uid: stats.uid }, directory);
  if (hasModes() && (stats.mode & 0o022) !== 0)
    throw insecureFileError(
      path,
      `can be written by other users (mode ${toOctal(stats)})`,
      `Run: chmod 700 ${quotePath(path)}`,
    );
}
