import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Finds a program of the system that tests start.
 *
 * @param name the file name of the program
 * @param purpose which tests need it, such as `the shared store of Redis`
 * @param directories where it is looked for. By default those of `PATH`.
 * @returns `undefined` if it is missing, and says on stderr that the tests are skipped
 * @throws {Error} under CI, where the tests must run
 */
export function findProgram(
  name: string,
  purpose: string,
  directories: readonly string[] = (process.env['PATH'] ?? '').split(delimiter),
): string | undefined {
  const found = directories.map((directory) => join(directory, name)).find(isExecutable);
  if (found !== undefined) return found;
  if (process.env['CI'] !== undefined) throw new Error(`${name} is not installed. The tests of ${purpose} need it.`);
  process.stderr.write(`${name} is not installed: the tests of ${purpose} are skipped.\n`);
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
