/** Gets a fresh token, and prints what that did: files opened, calls that change anything, built-in modules loaded. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { readTask } from '@oa-internal/testing/child';

const opened: string[] = [];
const changed: string[] = [];
const calls = fs as unknown as Record<string, unknown>;
for (const name of Object.keys(fs)) {
  const original = calls[name];
  if (typeof original !== 'function' || name.startsWith('_') || /^[A-Z]/.test(name)) continue;
  if (
    !/^(open|write|append|mkdir|mkdtemp|rename|unlink|rm|rmdir|chmod|fchmod|utimes|futimes|link|symlink|truncate|ftruncate|copyFile|cp)/.test(
      name,
    )
  )
    continue;
  calls[name] = (...args: unknown[]): unknown => {
    const isRead =
      name.startsWith('open') &&
      (Number(args[1] ?? 0) & (fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT)) === 0;
    (isRead ? opened : changed).push(isRead ? String(args[0]) : name);
    return Reflect.apply(original, fs, args);
  };
}
syncBuiltinESMExports();

// Only now: modules take what they need of `fs` when they are loaded.
const { fileTokenCache } = await import('@oa/token-cache');
const { key } = await import('../pipeline.ts');
opened.length = 0; // The loader's own.
const token = await fileTokenCache(readTask() as { directory: string }).get(key);
const result = { token: token?.access_token, opened: [...opened], changed: [...changed] };
const { moduleLoadList } = process as unknown as { moduleLoadList: string[] };
fs.writeSync(
  1,
  JSON.stringify({ ...result, modules: moduleLoadList.filter((name) => name.startsWith('NativeModule ')) }),
);
