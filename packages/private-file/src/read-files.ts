import { dirname, join } from 'node:path';
import { isOAuthError, type Result } from '@oa/types';
import { readResolved } from './read.ts';
import { resolvePrivatePath } from './resolve.ts';

/** Reads the files. The way to their directory is checked once: no other code of this process runs before the last one is open. */
export function readFiles(directory: string, names: readonly string[]): Result<string | undefined>[] {
  const [first] = names;
  if (first === undefined) return [];
  const resolved = resolvePrivatePath(join(directory, first));
  if (resolved === undefined) return names.map(() => ({ ok: true, value: undefined }));
  const real = dirname(resolved);
  return names.map((name) => readOne(join(real, name)));
}

function readOne(file: string): Result<string | undefined> {
  try {
    return { ok: true, value: readResolved(file) };
  } catch (error) {
    if (isOAuthError(error)) return { ok: false, error };
    throw error;
  }
}
