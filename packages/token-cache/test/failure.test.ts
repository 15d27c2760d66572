import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileTokenCache } from '@oa/token-cache';
import { OAuthError } from '@oa/types';
import { expect, it } from 'vitest';
import { fileNames, KEY, TOKEN, useCache } from './setup.ts';

const fixture = useCache();

it('is shared with the calls that already wait, with all its details, and with no later call', async () => {
  const { directory } = fixture;
  const details = { error: 'slow_down', error_description: 'too fast', status: 429, retryable: true, retryAfter: 7 };
  const failure = new OAuthError('oauth_error', 'The server refused.', details);
  let requests = 0;
  const fail = async (): Promise<never> => {
    requests += 1;
    await sleep(200);
    throw failure;
  };
  // Caches of their own, as in processes of their own.
  const calls = Array.from({ length: 5 }, async () => fileTokenCache({ directory }).lock(KEY, fail));
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'OAuthError', ...details } });
    expect(JSON.stringify((outcome as PromiseRejectedResult).reason)).toBe(JSON.stringify(failure));
  }
  expect(requests).toBe(1);
  await expect(fileTokenCache({ directory }).lock(KEY, fail)).rejects.toBe(failure);
  expect(requests).toBe(2);
});

it('is forgotten when the work of a later call succeeds', async () => {
  const { cache } = fixture;
  const failure = new OAuthError('network_error', 'The server is down.', { retryable: true });
  await expect(cache.lock(KEY, async () => Promise.reject(failure))).rejects.toBe(failure);
  expect(fileNames(fixture).some((name) => name.endsWith('.failure'))).toBe(true);
  await cache.lock(KEY, async () => cache.set(KEY, TOKEN));
  expect(fileNames(fixture).filter((name) => name.includes('failure'))).toEqual([]);
});

it('is not shared if it is login_required: the next process may have a user to ask', async () => {
  const { directory } = fixture;
  const noUser = new OAuthError('login_required', 'There is no terminal here.');
  const started = Promise.withResolvers<void>();
  const cron = fileTokenCache({ directory }).lock(KEY, async () => {
    started.resolve();
    await sleep(100);
    throw noUser;
  });
  await started.promise;
  const terminal = fileTokenCache({ directory }).lock(KEY, async () => 'logged in');
  await expect(cron).rejects.toBe(noUser);
  expect(await terminal).toBe('logged in');
});

it('is not shared if it is a bug', async () => {
  const { cache } = fixture;
  const works = [1, 2].map(async (i) =>
    cache.lock(KEY, async () => sleep(50).then(() => Promise.reject(new RangeError(String(i))))),
  );
  const messages = (await Promise.allSettled(works)).map((work) => work.status === 'rejected' && String(work.reason));
  expect(new Set(messages)).toEqual(new Set(['RangeError: 1', 'RangeError: 2']));
});

const SHARED = new OAuthError('network_error', 'The server is down.', { retryable: true });

it.for([
  ['is damaged', '', 0o600],
  ['is damaged', 'null', 0o600],
  ['is damaged', '{"code":5,"message":"m"}', 0o600],
  ['is damaged', '{"code":"network_error"}', 0o600],
  ['is open to other users', JSON.stringify(SHARED), 0o644],
] as const)('is not shared if its record %s (%s)', async ([, record, mode]) => {
  const { cache, file } = fixture;
  const free = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const holder = cache.lock(KEY, async () => {
    held.resolve();
    await free.promise;
  });
  await held.promise;
  let looks = 0;
  const waiter = cache.lock(KEY, async () => 'own work', { whileWaiting: () => void (looks += 1) });
  await expect.poll(() => looks, { timeout: 20_000 }).toBeGreaterThan(0);
  writeFileSync(file.replace('.json', '.failure'), record, { mode });
  const before = looks;
  await expect.poll(() => looks, { timeout: 20_000 }).toBeGreaterThan(before + 1);
  free.resolve();
  await holder;
  expect(await waiter).toBe('own work');
});

it('of an earlier call is not shared with a call that waits for a later holder', async () => {
  const { cache } = fixture;
  const earlier = new OAuthError('network_error', 'The server is down.', { retryable: true });
  await expect(cache.lock(KEY, async () => Promise.reject(earlier))).rejects.toBe(earlier);
  const free = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const holder = cache.lock(KEY, async () => {
    held.resolve();
    await free.promise;
  });
  await held.promise;
  let looks = 0;
  const waiter = cache.lock(KEY, async () => 'own work', { whileWaiting: () => void (looks += 1) });
  await expect.poll(() => looks, { timeout: 20_000 }).toBeGreaterThan(1);
  free.resolve();
  await holder;
  expect(await waiter).toBe('own work');
});

it('does not happen to a call whose last look, with the lock held, finds what it waits for', async () => {
  const { cache } = fixture;
  const [held, looked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let stored: string | undefined;
  const holder = cache.lock(KEY, async () => {
    held.resolve();
    await looked.promise;
    stored = 'of the holder';
  });
  await held.promise;
  const whileWaiting = (): string | undefined => (looked.resolve(), stored);
  expect(await cache.lock(KEY, async () => 'own work', { whileWaiting })).toBe('of the holder');
  await holder;
});
