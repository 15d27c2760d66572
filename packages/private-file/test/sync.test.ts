import { expect, it } from 'vitest';
import { openDirectory, syncDirectory, syncOpenDirectory } from '../src/sync.ts';

it.runIf(process.platform === 'linux')('accepts a file system that can not sync directories', async () => {
  await expect(syncDirectory('/proc')).resolves.toBeUndefined(); // EINVAL
});

it('reports any other failure', async () => {
  const handle = await openDirectory('/');
  await handle?.close();
  await expect(syncOpenDirectory(handle)).rejects.toMatchObject({ code: 'EBADF' });
});
