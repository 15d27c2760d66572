import { expect, it } from 'vitest';
import { attempt, OAuthError } from '@oa/types';

it('turns a value and an OAuthError into a result', async () => {
  expect(await attempt(Promise.resolve(1))).toEqual({ ok: true, value: 1 });
  const error = new OAuthError('timeout', 'x');
  expect(await attempt(Promise.reject(error))).toEqual({ ok: false, error });
});

it('rejects with every other error', async () => {
  await expect(attempt(Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
  const reason = new Error('abort');
  await expect(attempt(Promise.reject(reason))).rejects.toBe(reason);
});
