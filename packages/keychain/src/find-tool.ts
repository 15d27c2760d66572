/** Where systems have their programs. They come before those of `PATH`. */
const SYSTEM_DIRECTORIES = ['/usr/bin', '/usr/local/bin', '/run/current-system/sw/bin'];

/** The directories of `PATH` that are absolute, after those of the system. A relative one would start a program of the working directory. */
export function toolDirectories(path: string | undefined = process.env['PATH']): string[] {
  const paths = process.getBuiltinModule('node:path');
  return [
    ...SYSTEM_DIRECTORIES,
    ...(path ?? '').split(paths.delimiter).filter((directory) => paths.isAbsolute(directory)),
  ];
}

/** The absolute path of a program, or `undefined` if none of the directories has it. */
export function findTool(name: string, directories: readonly string[]): string | undefined {
  const paths = process.getBuiltinModule('node:path');
  return directories.map((directory) => paths.join(directory, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  const { accessSync, constants, statSync } = process.getBuiltinModule('node:fs');
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
