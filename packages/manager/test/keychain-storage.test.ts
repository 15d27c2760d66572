import { keychainKey } from '@oa/keychain';
import { expect, it } from 'vitest';
import { findStorageKey } from '../src/keychain-storage.ts';

it('names the key as @oa/keychain does, without loading it', () => {
  expect(findStorageKey({ storage: 'keychain' })?.id).toBe(keychainKey({ service: 'oa', account: 'tokens' }).id);
  expect(findStorageKey({ storage: 'file' })).toBeUndefined();
});

it('rejects with the error of the keychain each time, and asks again', async () => {
  const source = findStorageKey({ app: 'test', storage: 'keychain' });
  const reason = new Error('stop');
  for (let calls = 0; calls < 2; calls += 1) await expect(source?.key(AbortSignal.abort(reason))).rejects.toBe(reason);
});
