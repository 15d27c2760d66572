import { setTimeout } from 'node:timers/promises';
import { rejectionOf } from '@oa-internal/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { withDeadline } from '../src/deadline.ts';
import { timeoutHint, toNetworkError } from '../src/network-error.ts';

const url = new URL('https://as.example/token');
const failed = {
  name: 'https://as.example/token',
  method: 'POST',
  headers: {},
  body: undefined,
  signal: new AbortController().signal,
  fetch: undefined,
};
const refused = new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) });

afterEach(() => vi.unstubAllGlobals());

it('explains a failure where the platform tells its reason', async () => {
  const error = await toNetworkError(refused, failed, url);
  expect(error).toMatchObject({ code: 'network_error', sent: false });
  expect(error.message).toContain('Nothing listens at as.example:443 (ECONNREFUSED).');
});

it('loads no explanation in a browser, which may be offline', async () => {
  vi.stubGlobal('process', undefined);
  const pending = [toNetworkError(refused, failed, url), timeoutHint(url, undefined)];
  vi.unstubAllGlobals();
  const [error, hint] = await Promise.all(pending);
  expect(error).toMatchObject({ code: 'network_error', retryable: true, sent: true });
  expect(error).toHaveProperty(
    'message',
    'No answer from https://as.example/token. The connection failed or broke. Check the address and the network.',
  );
  expect(hint).toBe('');
});

it('says that a request may have been sent where the explanation can not be loaded', async () => {
  vi.resetModules();
  vi.doMock('../src/failure.ts', () => {
    throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  });
  const fresh = await import('../src/network-error.ts');
  expect(await fresh.toNetworkError(refused, failed, url)).toMatchObject({ code: 'network_error', sent: true });
  expect(await fresh.timeoutHint(url, undefined)).toBe('');
  vi.doUnmock('../src/failure.ts');
  expect(await fresh.toNetworkError(refused, failed, url)).toMatchObject({ code: 'network_error', sent: false });
});

it('ends at the timeout although its hint can not be loaded in time', async () => {
  const hint = async (): Promise<string> => new Promise(() => {});
  const call = withDeadline({ timeout: 20 }, { name: 'x', hint }, () => new Promise(() => {}));
  expect(await rejectionOf(call)).toMatchObject({ code: 'timeout', sent: false });
});

it('rejects with the reason of the caller, and with nothing else, where that aborts while the hint is loaded', async () => {
  const controller = new AbortController();
  const reason = new Error('left');
  const hint = async (): Promise<string> => {
    controller.abort(reason);
    return new Promise(() => {});
  };
  const options = { timeout: 20, signal: controller.signal };
  // A rejection that is not handled would fail the run.
  await expect(withDeadline(options, { name: 'x', hint }, () => new Promise(() => {}))).rejects.toBe(reason);
  await setTimeout(50);
});
