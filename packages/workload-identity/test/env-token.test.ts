import { rejectionOf } from '@oa-internal/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { envToken } from '../src/index.ts';
import { makeJwt } from './platform.ts';

const REQUEST = { audience: 'https://as.example' };

afterEach(() => vi.unstubAllEnvs());

it('reads the variable for each request', async () => {
  const source = envToken('OA_TEST_TOKEN');
  const [first, second] = [await makeJwt({ jti: '1' }), await makeJwt({ jti: '2' })];
  vi.stubEnv('OA_TEST_TOKEN', `${first}\n`);
  expect(await source(REQUEST)).toBe(first);
  vi.stubEnv('OA_TEST_TOKEN', second);
  expect(await source({ ...REQUEST, rejected: first })).toBe(second);
});

it.each([undefined, ''])('names the variable that is not set (%j)', async (value) => {
  vi.stubEnv('OA_TEST_TOKEN', value);
  const error = await rejectionOf(envToken('OA_TEST_TOKEN')(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
  expect(error.message).toMatch(/^The environment variable OA_TEST_TOKEN is not set\. .*`id_tokens` in GitLab CI/);
});

it('refuses an expired token, which stays expired as long as the program runs', async () => {
  vi.stubEnv('OA_TEST_TOKEN', await makeJwt({ exp: 2_000_000_000 }));
  const error = await rejectionOf(envToken('OA_TEST_TOKEN', { now: () => 2_000_000_001_000 })(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
  expect(error.message).toMatch(/variable OA_TEST_TOKEN has expired at 2033-05-18T03:33:20Z/);
});

it('rejects with the reason of a signal that has aborted', async () => {
  const reason = new Error('stop');
  await expect(envToken('OA_TEST_TOKEN')({ ...REQUEST, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

it.each([undefined, '', 3])('is a TypeError at once without a name (%j)', (name) => {
  expect(() => envToken(name as string)).toThrow(/^The name of the variable must be a non-empty string\./);
});
