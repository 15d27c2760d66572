import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished, vi } from 'vitest';
import { OAuthError } from '@oa/types';
import { keepUrlFresh } from '../src/fresh-url.ts';
import type { LoginUrl } from '../src/login-url.ts';
import { followCallback, metadata, sendRequest, startLogin } from './help.ts';

it('pushes again when the server has forgotten the request, and shows the new URL (RFC 9126 section 2.2)', async () => {
  const scripted = await startScriptedServer({
    '/par': (_request, index) => ({ status: 201, json: { request_uri: `urn:example:${index}`, expires_in: 1 } }),
    '/token': { json: { access_token: 'secret-access-token', token_type: 'Bearer', expires_in: 60 } },
  });
  onTestFinished(() => scripted.close());
  const server = metadata(scripted, { pushed_authorization_request_endpoint: `${scripted.origin}/par` });
  const started = startLogin(server);
  const { redirect_uri } = await started.waiting;
  const shown = (): string[] => started.events.flatMap((event) => (event.type === 'login_waiting' ? [event.url] : []));
  await expect.poll(() => shown().length, { timeout: 20_000 }).toBeGreaterThan(1);
  const last = shown().at(-1) ?? '';
  expect(new Set(shown()).size).toBe(shown().length);
  // The start address leads to the new URL, and has not changed itself.
  expect((await sendRequest(await started.opened)).headers.location).toBe(last);
  const pushed = scripted.requestsTo('/par').map(({ form }) => form.get('state'));
  expect(new Set(pushed).size).toBe(1);
  await followCallback(new URL(`${redirect_uri}?state=${pushed[0]}&code=c`));
  await started.token;
});

it('ends with the login, also while the server is asked, and keeps the time where the server names none', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const shown: string[] = [];
  const end = new AbortController();
  const create = async (): Promise<LoginUrl> => {
    if (shown.length === 2) end.abort();
    return { url: new URL(`https://as.example/${shown.length}`) };
  };
  const kept = keepUrlFresh(
    { url: new URL('https://as.example/'), expires_in: 60 },
    { create, show: ({ pathname }) => shown.push(pathname), isNeeded: () => true },
    end.signal,
  );
  await vi.advanceTimersByTimeAsync(120_000);
  expect(shown).toEqual(['/0', '/1']);
  await vi.advanceTimersByTimeAsync(60_000);
  await kept;
  expect(shown).toEqual(['/0', '/1']);
});

it('does not hide a bug in what makes the URL', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const create = (): Promise<LoginUrl> => Promise.reject(new TypeError('A bug.'));
  const replacement = { create, show: () => undefined, isNeeded: () => true };
  const first = { url: new URL('https://as.example/'), expires_in: 60 };
  const kept = keepUrlFresh(first, replacement, new AbortController().signal);
  const [ended] = await Promise.allSettled([kept, vi.advanceTimersByTimeAsync(60_000)]);
  expect(ended).toEqual({ status: 'rejected', reason: new TypeError('A bug.') });
});

it('stops when a browser has the URL, and goes on after a failure', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const shown: string[] = [];
  let isNeeded = true;
  let creations = 0;
  const create = async (): Promise<{ url: URL; expires_in: number }> => {
    creations += 1;
    if (creations === 1) throw new OAuthError('network_error', 'The server is away.');
    return { url: new URL(`https://as.example/${creations}`), expires_in: 30 };
  };
  const kept = keepUrlFresh(
    { url: new URL('https://as.example/'), expires_in: 60 },
    { create, show: ({ pathname }) => shown.push(pathname), isNeeded: () => isNeeded },
    new AbortController().signal,
  );
  await vi.advanceTimersByTimeAsync(59_000);
  expect(creations).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([creations, shown]).toEqual([1, []]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(shown).toEqual(['/2']);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(shown).toEqual(['/2', '/3']);
  isNeeded = false;
  await vi.advanceTimersByTimeAsync(30_000);
  await kept;
  expect(creations).toBe(3);
});

it.each([0, -5, 0.001])(
  'shows a new URL at most every 5 seconds where the server names %d (RFC 9126 section 2.2)',
  async (expires_in) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const end = new AbortController();
    let shown = 0;
    const url = new URL('https://as.example/');
    const kept = keepUrlFresh(
      { url, expires_in },
      { create: async () => ({ url, expires_in }), show: () => (shown += 1), isNeeded: () => true },
      end.signal,
    );
    await vi.advanceTimersByTimeAsync(60_000);
    end.abort();
    await kept;
    expect(shown).toBe(12);
  },
);

it('gives up the request for a new URL when the login ends', async () => {
  const scripted = await startScriptedServer({
    '/par': (_request, index) =>
      index === 0 ? { status: 201, json: { request_uri: 'urn:example:0', expires_in: 1 } } : { drop: 'never' },
    '/token': { json: { access_token: 'secret-access-token', token_type: 'Bearer', expires_in: 60 } },
  });
  onTestFinished(() => scripted.close());
  const server = metadata(scripted, { pushed_authorization_request_endpoint: `${scripted.origin}/par` });
  let isAborted = false;
  const spy: typeof globalThis.fetch = async (input, init) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    signal?.addEventListener('abort', () => (isAborted = true));
    return fetch(input, init);
  };
  const started = startLogin(server, {}, { fetch: spy });
  const { redirect_uri } = await started.waiting;
  await expect.poll(() => scripted.requestsTo('/par').length, { timeout: 20_000 }).toBe(2);
  const state = scripted.requestsTo('/par')[0]?.form.get('state');
  await followCallback(new URL(`${redirect_uri}?state=${state}&code=c`));
  await started.token;
  expect(isAborted).toBe(true);
});
