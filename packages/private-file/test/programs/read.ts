/**
 * Reads a file and prints it with the built-in modules that are loaded by then, or prints the error. With `uid` the program
 * becomes that user first. By then it has loaded all its modules, so they may be where that user can't reach them.
 */
import { readTask } from '@oa-internal/testing/child';
import { readPrivate } from '@oa/private-file';
import { isOAuthError } from '@oa/types';

const task = readTask() as { path: string; uid?: number };
if (task.uid !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(task.uid);
  process.setuid?.(task.uid);
}
try {
  const text = await readPrivate(task.path);
  const modules = (process as unknown as { moduleLoadList: string[] }).moduleLoadList;
  process.stdout.write(JSON.stringify({ text, modules: modules.filter((name) => name.startsWith('NativeModule ')) }));
} catch (error) {
  if (!isOAuthError(error)) throw error;
  process.stdout.write(`${error.code}: ${error.message}`);
}
