import { expect, it } from 'vitest';
import { importCacheModule } from '../src/import-module.ts';

it('reports a module that can not be read at this moment as a store that can be used later', async () => {
  const failure = Object.assign(new Error('EMFILE: too many open files'), {
    code: 'EMFILE',
    syscall: 'open',
    errno: -24,
  });
  await expect(importCacheModule(Promise.reject(failure))).rejects.toMatchObject({
    code: 'storage_unavailable',
    retryable: true,
    message: expect.stringMatching(/^.?A module of @oa\/token-cache.? can't be used/) as string,
  });
  const bug = new SyntaxError('a bug');
  await expect(importCacheModule(Promise.reject(bug))).rejects.toBe(bug);
  expect(await importCacheModule(Promise.resolve(1))).toBe(1);
});
