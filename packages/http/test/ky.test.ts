import { expect, it } from 'vitest';
import { preloadTransport, request } from '@oa/http';

it('calls an injected fetch with plain arguments', async () => {
  const calls: unknown[][] = [];
  const fetch = async (...args: unknown[]): Promise<Response> => {
    calls.push(args);
    return Response.json({});
  };
  await request('POST', 'https://as.example/token', { form: { a: '1' }, fetch });
  expect(calls[0]?.[0]).toBe('https://as.example/token');
  expect(calls[0]?.[1]).toMatchObject({ method: 'POST', body: 'a=1', redirect: 'manual' });
});

it('sends nothing while it preloads', async () => {
  const { fetch } = globalThis;
  let calls = 0;
  globalThis.fetch = async () => {
    calls += 1;
    return Response.json({});
  };
  try {
    await preloadTransport();
    expect(calls).toBe(0);
    await request('GET', 'https://as.example/');
    expect(calls).toBe(1);
  } finally {
    globalThis.fetch = fetch;
  }
});
