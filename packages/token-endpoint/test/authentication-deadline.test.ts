import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { requestToken, type TokenEndpointOptions } from '@oa/token-endpoint';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';

const grant = { grant_type: 'client_credentials' };
const unreachable: AuthorizationServer = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
const never: TokenEndpointOptions['fetch'] = () => Promise.reject(new Error('Nothing may be sent.'));

// Shorter than the time without `timeout`.
it(
  'ends a function that authenticates when the time of the call is over, and aborts its signal',
  { timeout: 20_000 },
  async () => {
    let reason: unknown;
    const authentication: TokenEndpointOptions['authentication'] = ({ signal }) => {
      signal?.addEventListener('abort', () => (reason = signal.reason));
      return new Promise(() => undefined);
    };
    const options = { authentication, timeout: 100, fetch: never };
    const error = await rejectionOf(requestToken(unreachable, { client_id: 'c' }, grant, options));
    expect(error).toMatchObject({ code: 'timeout', retryable: true, sent: false });
    expect(error.message).toContain('The option `authentication` did not authenticate the client in time.');
    expect(reason).toBe(error);
  },
);

it('aborts its signal with the reason of the caller', async () => {
  const reason = new RangeError('stop');
  const controller = new AbortController();
  const authentication: TokenEndpointOptions['authentication'] = ({ signal }) => {
    queueMicrotask(() => controller.abort(reason));
    return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  };
  const options = { authentication, signal: controller.signal, fetch: never };
  await expect(requestToken(unreachable, { client_id: 'c' }, grant, options)).rejects.toBe(reason);
  let calls = 0;
  const counting: TokenEndpointOptions['authentication'] = () => ({ headers: { x: String((calls += 1)) } });
  const again = { authentication: counting, signal: controller.signal, fetch: never };
  await expect(requestToken(unreachable, { client_id: 'c' }, grant, again)).rejects.toBe(reason);
  expect(calls).toBe(0);
});

it('leaves a wrong timeout to the request, and passes the clock', async () => {
  await using server = await startScriptedServer(() => ({ json: { access_token: 'a', token_type: 'Bearer' } }));
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const clocks: unknown[] = [];
  const authentication: TokenEndpointOptions['authentication'] = ({ now }) => {
    clocks.push(now?.());
    return { parameters: { client_id: 'c' } };
  };
  const call = requestToken(metadata, { client_id: 'c' }, grant, { authentication, timeout: -1 });
  await expect(call).rejects.toThrow(/options\.timeout must be/);
  await requestToken(metadata, { client_id: 'c' }, grant, { authentication, now: () => 1_800_000_000_000 });
  expect(clocks).toEqual([undefined, 1_800_000_000_000]);
});

it('sends nothing where the process was stopped until the time of the call was over', async () => {
  await using server = await startScriptedServer(() => ({ json: { access_token: 'a', token_type: 'Bearer' } }));
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const authentication: TokenEndpointOptions['authentication'] = () => {
    // As SIGSTOP: no timer fires meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    return { parameters: { client_id: 'c' } };
  };
  const call = requestToken(metadata, { client_id: 'c' }, grant, { authentication, timeout: 300 });
  expect(await rejectionOf(call)).toMatchObject({ code: 'timeout', retryable: true, sent: false });
  expect(server.requests).toHaveLength(0);
});
