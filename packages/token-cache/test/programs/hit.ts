/** Gets a fresh token, and prints what that did: the files it opened, the calls that change files, the built-in modules loaded. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { readTask } from '@oa-internal/testing/child';

const WRITING =
  /^(open|write|append|mkdir|mkdtemp|rename|unlink|rm|rmdir|chmod|fchmod|utimes|futimes|link|symlink|truncate|ftruncate|copyFile|cp)/;
const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;

const opened: string[] = [];
const changed: string[] = [];
const calls = fs as unknown as Record<string, unknown>;
for (const name of Object.keys(fs)) {
  const original = calls[name];
  if (typeof original !== 'function' || !WRITING.test(name)) continue;
  calls[name] = (...args: unknown[]): unknown => {
    const isRead = name.startsWith('open') && (Number(args[1] ?? 0) & (O_WRONLY | O_RDWR | O_CREAT)) === 0;
    (isRead ? opened : changed).push(isRead ? String(args[0]) : name);
    return Reflect.apply(original, fs, args);
  };
}
syncBuiltinESMExports();

// Imported only now: modules take what they need of `fs` when they are loaded.
const { fileTokenCache } = await import('@oa/token-cache');
const { directory, key } = readTask() as { directory: string; key: string };
opened.length = 0; // The loader has opened files too.
const token = await fileTokenCache({ directory }).get(key);
const result = { token: token?.access_token, opened: [...opened], changed: [...changed] };
const { moduleLoadList } = process as unknown as { moduleLoadList: string[] };
fs.writeSync(
  1,
  JSON.stringify({ ...result, modules: moduleLoadList.filter((name) => name.startsWith('NativeModule ')) }),
);
