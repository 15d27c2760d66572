/** Reads a file and prints it with the built-in modules that were loaded by then; or the error that came instead. */
import { readTask } from '@oa-internal/testing/child';
import { readPrivate } from '@oa/private-file';
import { isOAuthError } from '@oa/types';

const task = readTask() as { path: string };
try {
  const text = await readPrivate(task.path);
  const modules = (process as unknown as { moduleLoadList: string[] }).moduleLoadList;
  process.stdout.write(JSON.stringify({ text, modules: modules.filter((name) => name.startsWith('NativeModule ')) }));
} catch (error) {
  if (!isOAuthError(error)) throw error;
  process.stdout.write(`${error.code}: ${error.message}`);
}
