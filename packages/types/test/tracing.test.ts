import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { openEventChannel, openTracing, OAuthError, toTraceIssuer, trace, type TraceContexts } from '@oa/types';
import { expect, it, onTestFinished, vi } from 'vitest';

const tracing = openTracing('oa:refresh');
const issuer = 'https://as.example';

/** What the channel publishes during the test, as it was then. */
function observe(): { stage: string; message: Record<string, unknown> }[] {
  const published: { stage: string; message: Record<string, unknown> }[] = [];
  for (const stage of ['start', 'end', 'asyncStart', 'asyncEnd', 'error']) {
    const listener = (message: unknown): number => published.push({ stage, message: { ...(message as object) } });
    subscribe(`tracing:oa:refresh:${stage}`, listener);
    onTestFinished(() => {
      unsubscribe(`tracing:oa:refresh:${stage}`, listener);
    });
  }
  return published;
}

const endsOf = (published: ReturnType<typeof observe>): unknown[] =>
  published.filter(({ stage }) => stage === 'asyncEnd').map(({ message }) => message);

it('publishes begin and end with one context, and neither the value nor the error', async () => {
  const published = observe();
  const context: TraceContexts['oa:refresh'] = { issuer };
  expect(await trace(tracing, context, async () => 'SECRET')).toBe('SECRET');
  const failure = new OAuthError('oauth_error', 'SECRET', { error: 'invalid_grant' });
  const failed = trace(tracing, { issuer }, async () => {
    throw failure;
  });
  await expect(failed).rejects.toBe(failure);
  expect(published.map(({ stage, message }) => [stage, message['code']])).toEqual([
    ['start', undefined],
    ['end', undefined],
    ['asyncStart', undefined],
    ['asyncEnd', undefined],
    ['start', undefined],
    ['end', undefined],
    ['error', 'oauth_error'],
    ['asyncStart', 'oauth_error'],
    ['asyncEnd', 'oauth_error'],
  ]);
  expect(JSON.stringify(published)).not.toContain('SECRET');
});

it.each([
  [new TypeError('SECRET'), 'TypeError'],
  [new DOMException('SECRET', 'AbortError'), 'AbortError'],
  [new DOMException('SECRET', 'TimeoutError'), 'TimeoutError'],
  [new DOMException('SECRET', 'SECRET'), 'other'],
  [Object.assign(new Error('SECRET'), { name: 'SECRET', code: 'SECRET' }), 'other'],
  ['SECRET', 'other'],
])('names a failure by %s as %s', async (failure, code) => {
  const published = observe();
  await expect(trace(tracing, {}, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(endsOf(published)).toEqual([{ code }]);
});

it('publishes the end of work that throws at once, and a failure that the work has noted itself', async () => {
  const published = observe();
  const thrown = trace(tracing, {}, () => {
    throw new TypeError('wrong');
  });
  await expect(thrown).rejects.toThrow('wrong');
  const context: TraceContexts['oa:refresh'] = {};
  await trace(tracing, context, async () => {
    context.code = 'timeout';
  });
  expect(endsOf(published)).toEqual([{ code: 'TypeError' }, { code: 'timeout' }]);
  expect(published.filter(({ stage }) => stage === 'error')).toHaveLength(2);
});

it('does the work in the context of a store that is bound to the channel, and in that of `around`', async () => {
  const [bound, own] = [new AsyncLocalStorage<string>(), new AsyncLocalStorage<string>()];
  const { start } = tracingChannel('oa:refresh');
  const setAround = (context: unknown): void => {
    Object.assign(context as object, { around: (work: () => unknown) => own.run('own', work) });
  };
  start.bindStore(bound, () => 'bound');
  start.subscribe(setAround);
  onTestFinished(() => {
    start.unbindStore(bound);
    start.unsubscribe(setAround);
  });
  const seen = await trace(tracing, {}, async () => {
    await Promise.resolve();
    return [bound.getStore(), own.getStore()];
  });
  expect(seen).toEqual(['bound', 'own']);
});

it('works in a runtime without the module', async () => {
  vi.stubGlobal('process', undefined);
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  const none = openTracing('oa:get');
  expect([openEventChannel(), none.hasSubscribers]).toEqual([undefined, false]);
  expect(await trace(none, {}, async () => 1)).toBe(1);
});

it.each([
  ['https://as.example/tenant', 'https://as.example/tenant'],
  ['https://user:SECRET@as.example/tenant', 'https://as.example'],
  ['https://as.example/?token=SECRET', 'https://as.example'],
  ['https://as.example/#SECRET', 'https://as.example'],
  ['no url, but SECRET@', undefined],
  ['my-server', 'my-server'],
])('shows the issuer %s as %s', (given, shown) => {
  expect(toTraceIssuer(given)).toBe(shown);
});
