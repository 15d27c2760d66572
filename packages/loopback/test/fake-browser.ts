import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';

export interface FakeBrowser {
  path: string;
  /** Waits for the browser to be started. */
  readArguments: () => Promise<string[]>;
}

/** Writes a browser that writes its arguments to a file, one per line, and exits with `status`. */
export async function createFakeBrowser(
  directory: string,
  status = 0,
  name = `browser-${Math.random()}`,
): Promise<FakeBrowser> {
  const path = join(directory, name);
  await writeFile(path, `#!/bin/sh\nprintf '%s\\n' "$@" > "$0.part"\nmv "$0.part" "$0.args"\nexit ${status}\n`);
  await chmod(path, 0o755);
  const read = async (): Promise<string[]> => (await readFile(`${path}.args`, 'utf8')).trimEnd().split('\n');
  return { path, readArguments: () => vi.waitFor(read, { timeout: 20_000, interval: 20 }) };
}
