import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';
import { createCountingSource, startServer } from './servers.ts';

it('neither sends nor shows a token of another type, or one that a header can not have (RFC 6749 section 7.1)', async () => {
  const server = await startServer(() => ({}));
  for (const [token, code] of [
    [{ access_token: 'PLANTED-1', token_type: 'mac' }, 'unsupported_token_type'],
    // A token exchange can return something that is no access token (RFC 8693 section 2.2.1).
    [{ access_token: 'PLANTED-1', token_type: 'N_A' }, 'unsupported_token_type'],
    [{ access_token: 'PLANTED-1', token_type: 'DPoP' }, 'unsupported_token_type'],
    [{ access_token: 'PLANTED\n-2', token_type: 'bearer' }, 'invalid_response'],
    [{ access_token: '', token_type: 'BEARER' }, 'invalid_response'],
  ] as const) {
    const error = await rejectionOf(createFetch(async () => token)(server.origin));
    expect(error).toMatchObject({ code });
    expect(inspectAll(error)).not.toContain('PLANTED');
  }
  expect(server.requests).toHaveLength(0);
});

it('rejects with the reason of the signal: before the call, while the source works, while the server answers', async () => {
  const server = await startServer(() => ({ drop: 'never' }));
  const reason = new Error('enough');
  const { source, asked } = createCountingSource();
  await expect(createFetch(source)(server.origin, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(asked).toEqual([]);

  const early = new AbortController();
  const waiting = createFetch(() => new Promise(() => {}))(new Request(server.origin, { signal: early.signal }));
  early.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  expect(server.requests).toHaveLength(0);

  const late = new AbortController();
  const sent = createFetch(source)(server.origin, { signal: late.signal });
  await expect.poll(() => server.requests.length, { timeout: 20_000 }).toBe(1);
  late.abort(reason);
  await expect(sent).rejects.toBe(reason);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.signal).toBe(late.signal);
});
