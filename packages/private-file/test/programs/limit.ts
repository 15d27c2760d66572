/** Writes a text of `write` bytes, or reserves room, and prints `written` or the error. */
import { readTask } from '@oa-internal/testing/child';
import { reservePrivate, writePrivate } from '@oa/private-file';
import { isOAuthError } from '@oa/types';

const task = readTask() as { path: string; write?: number; reserve?: boolean };
try {
  if (task.write !== undefined) await writePrivate(task.path, 'x'.repeat(task.write));
  if (task.reserve === true) await reservePrivate(task.path);
  process.stdout.write('written');
} catch (error) {
  if (!isOAuthError(error)) throw error;
  process.stdout.write(`${error.code}: ${error.message}`);
}
