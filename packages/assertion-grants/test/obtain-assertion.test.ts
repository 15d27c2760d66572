import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { AssertionRequest } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { exchangeToken, jwtBearer } from '@oa/assertion-grants';
import { client, exchanged, issued, now, NOW_MS, startTokenEndpoint, TYPE, unsignedJwt } from './scripted.ts';

const expired = unsignedJwt({ exp: NOW_MS / 1000 });
const valid = unsignedJwt({ exp: NOW_MS / 1000 + 1 }, 'planted-other');

describe('an assertion that has expired', () => {
  it.each([
    ['a text', expired],
    ['a source that has no other one', async () => expired],
  ])('is not sent if it comes from %s', async (_, assertion) => {
    const { metadata, server } = await startTokenEndpoint(issued());
    const error = await rejectionOf(jwtBearer(metadata, client, { assertion }, { now }));
    expect(error.code).toBe('assertion_unavailable');
    expect(error.message).toBe(
      'The assertion has expired at 2027-01-15T08:00:00Z, and it is 2027-01-15T08:00:00Z here. It was not sent. Get a new one, and check the clock of this machine.',
    );
    expect(server.requests).toHaveLength(0);
    expect(inspectAll(error)).not.toContain('planted');
    expect(inspectAll(error)).not.toContain(expired.slice(0, 20));
  });

  it('is replaced by the next one of its source', async () => {
    const { metadata, forms } = await startTokenEndpoint(issued());
    const assertion = async ({ rejected }: AssertionRequest): Promise<string> =>
      rejected === expired ? valid : expired;
    await jwtBearer(metadata, client, { assertion }, { now });
    expect(forms().map((form) => form['assertion'])).toEqual([valid]);
  });

  it('is found among actor tokens too', async () => {
    const { metadata } = await startTokenEndpoint(exchanged());
    const parameters = { subject_token: valid, subject_token_type: `${TYPE}jwt` };
    const actor = { actor_token: expired, actor_token_type: `${TYPE}jwt` };
    const error = await rejectionOf(exchangeToken(metadata, client, { ...parameters, ...actor }, { now }));
    expect(error.message).toMatch(/^The actor_token has expired/);
  });

  it('can have a number that is no time', async () => {
    const { metadata } = await startTokenEndpoint(issued());
    const assertion = unsignedJwt({ exp: -1e300 });
    const error = await rejectionOf(jwtBearer(metadata, client, { assertion }, { now }));
    expect(error.message).toMatch(/^The assertion has expired at -1e\+300, and/);
  });
});

describe.each([
  ['a text', (assertion: string) => assertion],
  ['a source', (assertion: string) => async () => assertion],
])('%s', (_, from) => {
  it('is not sent if it has more than 64 KiB', async () => {
    const { metadata, server } = await startTokenEndpoint(issued());
    const assertion = from('x'.repeat(65_537));
    const error = await rejectionOf(jwtBearer(metadata, client, { assertion }, { now }));
    expect(error.code).toBe('assertion_unavailable');
    expect(error.message.length).toBeLessThan(200);
    expect(server.requests).toHaveLength(0);
  });

  it('may have 64 KiB', async () => {
    const { metadata, server } = await startTokenEndpoint(issued());
    await jwtBearer(metadata, client, { assertion: from('x'.repeat(65_536)) }, { now });
    expect(server.requests).toHaveLength(1);
  });
});

describe('a source', () => {
  const metadata = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

  it.each([[undefined], [''], [1], [{}]])('that resolves with %j gives no assertion', async (value) => {
    const error = await rejectionOf(jwtBearer(metadata, client, { assertion: async () => value as string }));
    expect(error).toMatchObject({ code: 'assertion_unavailable' });
    expect(error.message).toMatch(/^The function assertion resolved with no assertion/);
  });

  it('ends the call with its own error', async () => {
    const bug = new RangeError('mine');
    await expect(jwtBearer(metadata, client, { assertion: () => Promise.reject(bug) })).rejects.toBe(bug);
  });

  it('that ignores the signal ends with the reason of the signal', async () => {
    const reason = new Error('enough');
    for (const timeout of [undefined, 60_000]) {
      const controller = new AbortController();
      const hanging = (): Promise<string> => new Promise(() => controller.abort(reason));
      const call = jwtBearer(metadata, client, { assertion: hanging }, { signal: controller.signal, timeout });
      await expect(call).rejects.toBe(reason);
    }
  });

  it('is not asked after an abort', async () => {
    const reason = new Error('enough');
    const call = jwtBearer(
      metadata,
      client,
      { assertion: () => expect.unreachable() },
      { signal: AbortSignal.abort(reason) },
    );
    await expect(call).rejects.toBe(reason);
  });

  it('counts for the timeout of the caller, and its signal aborts then', async () => {
    let seen: AbortSignal | undefined;
    const hanging = ({ signal }: AssertionRequest): Promise<string> => {
      seen = signal;
      return new Promise(() => undefined);
    };
    const error = await rejectionOf(jwtBearer(metadata, client, { assertion: hanging }, { timeout: 20 }));
    expect(error).toMatchObject({ code: 'timeout', retryable: true, sent: false });
    expect(error.message).toMatch(/^The function assertion did not resolve within the timeout\. Nothing was sent\./);
    expect(seen?.aborted).toBe(true);
  });

  it('is asked although the timeout is wrong, which the request then refuses', async () => {
    const call = jwtBearer(metadata, client, { assertion: async () => 'a' }, { timeout: -1 });
    await expect(call).rejects.toThrow(/options\.timeout must be a number of milliseconds/);
  });
});
