import { dirname, join, sep } from 'node:path';
import { isOAuthError, type Result } from '@oa/types';
import { buffers } from './node.ts';
import { readResolved } from './read.ts';
import { resolvePrivatePath } from './resolve.ts';

/** Enough for a token. A larger file has room of its own. */
const ROOM_BYTES = 8192;

/** Reads the files. The way to their directory is checked once: no other code of this process runs before the last one is open. */
export function readFiles(directory: string, names: readonly string[]): Result<string | undefined>[] {
  const [first] = names;
  if (first === undefined) return [];
  const resolved = resolvePrivatePath(join(directory, first));
  if (resolved === undefined) return names.map(() => ({ ok: true, value: undefined }));
  const real = join(dirname(resolved), sep);
  const room = buffers.Buffer.alloc(ROOM_BYTES);
  return names.map((name) => readOne(`${real}${name}`, room));
}

function readOne(file: string, room: Buffer): Result<string | undefined> {
  try {
    return { ok: true, value: readResolved(file, false, room) };
  } catch (error) {
    if (isOAuthError(error)) return { ok: false, error };
    throw error;
  }
}
