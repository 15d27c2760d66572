import { expect, it } from 'vitest';
import { syncDirectory } from '../src/sync.ts';

it.runIf(process.platform === 'linux')('accepts a file system that can not sync directories', async () => {
  await expect(syncDirectory('/proc')).resolves.toBeUndefined(); // EINVAL
});
