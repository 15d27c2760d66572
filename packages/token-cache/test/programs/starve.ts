/**
 * Uses a cache while this process can't open any file, and again when it can. Prints what each use came to. It must be started with a low
 * limit of open files.
 */
import { closeSync, openSync } from 'node:fs';
import { readTask } from '@oa-internal/testing/child';
import { fileTokenCache } from '@oa/token-cache';
import { isOAuthError, isStorageError } from '@oa/types';

const { directory, key } = readTask() as { directory: string; key: string };
const cache = fileTokenCache({ directory });
const token = { access_token: 'new', token_type: 'Bearer' };
const uses = {
  get: async () => (await fileTokenCache({ directory }).get(key))?.access_token,
  lock: async () => cache.lock(key, async () => 'worked'),
  set: async () => cache.set(key, token),
  delete: async () => cache.delete(key),
  list: async () => (await cache.list()).length,
  clear: async () => cache.clear(),
};

async function tryAll(): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  for (const [name, use] of Object.entries(uses)) {
    try {
      seen[name] = (await use()) ?? 'ok';
    } catch (error) {
      seen[name] = isOAuthError(error)
        ? `${error.code} ${error.retryable} ${isStorageError(error)} ${/EMFILE/.test(error.message)}`
        : `RAW ${String(error)}`;
    }
  }
  return seen;
}

const open: number[] = [];
try {
  for (;;) open.push(openSync(directory, 'r'));
} catch {
  // There is no free descriptor left.
}
const starved = await tryAll();
for (const descriptor of open) closeSync(descriptor);
process.stdout.write(JSON.stringify({ starved, fed: await tryAll() }));
