/** Takes the lock of a key, reserves room for its token, prints `reserved`, and runs until it is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readTask } from '@oa-internal/testing/child';
import { fileTokenCache } from '@oa/token-cache';

const { directory, key } = readTask() as { directory: string; key: string };
const cache = fileTokenCache({ directory });
await cache.lock(key, async () => {
  await cache.reserve(key);
  process.stdout.write('reserved\n');
  await sleep(120_000);
});
