import { once } from 'node:events';
import { createServer } from 'node:net';
import type { OAuthEvent } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { postForm, request } from '@oa/http';
import { endlessBody, silentFetch } from './help.ts';

const schema = looseObject({ name: string() });

describe('timeout', () => {
  it('ends a body that drips, and closes the connection', async () => {
    const connection = { open: true };
    const onEnd = (): void => void (connection.open = false);
    await using server = await startScriptedServer(() => ({ body: endlessBody({ pause: 20, onEnd }) }));
    const error = await rejectionOf(request('GET', `${server.origin}/`, { timeout: 1000 }));
    expect(error).toMatchObject({ code: 'timeout', retryable: true });
    await expect.poll(() => connection.open, { timeout: 20_000 }).toBe(false);
    expect(server.requests).toHaveLength(1);
  });

  it('does not send again what would be given up before its answer, because the process was stopped', async () => {
    await using server = await startScriptedServer(() => ({ status: 503 }));
    const renew = async (): Promise<object> => {
      // As SIGSTOP: no timer fires meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);
      return {};
    };
    const call = request('POST', server.origin, { timeout: 3000, idempotent: true, form: {}, renew });
    expect(await rejectionOf(call)).toMatchObject({ code: 'timeout', retryable: true, sent: true });
    expect(server.requests).toHaveLength(1);
  });

  it('ends headers that drip', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('x-drip: 1\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const error = await rejectionOf(request('GET', `http://127.0.0.1:${port}/`, { timeout: 200 }));
    expect(error.code).toBe('timeout');
    server.close();
  });

  it('ends a fetch that ignores its signal', async () => {
    const call = request('GET', 'https://as.example/?code=SECRET', { fetch: silentFetch, timeout: 50 });
    const error = await rejectionOf(call);
    expect(error).toMatchObject({ code: 'timeout', sent: true });
    expect(error.message).not.toContain('SECRET');
  });

  it('tells that no request reached the server, if it ends a wait for a server that is down', async () => {
    const refused = async (): Promise<Response> => {
      throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
    };
    // The clock stands still, so that the waits of 250 and 500 ms seem to fit into the timeout.
    vi.spyOn(performance, 'now').mockReturnValue(0);
    vi.spyOn(Math, 'random').mockReturnValue(0);
    onTestFinished(() => void vi.restoreAllMocks());
    const error = await rejectionOf(request('POST', 'https://as.example/', { fetch: refused, timeout: 600 }));
    expect(error).toMatchObject({ code: 'timeout', sent: false });
  });

  it('does not discard an answer that arrived while the event loop was blocked (RFC 9700 section 4.14.2)', async () => {
    await using server = await startScriptedServer(() => {
      // Starts after the answer was sent, and ends long after the timeout.
      setImmediate(() => {
        const end = performance.now() + 1200;
        while (performance.now() < end);
      });
      return { json: { name: 'rotated' } };
    });
    const form = { grant_type: 'refresh_token', refresh_token: 'once' };
    for (let round = 0; round < 3; round += 1)
      expect(await postForm(`${server.origin}/`, form, schema, { timeout: 600 })).toEqual({ name: 'rotated' });
  });

  it.each([
    [1, '0.1'],
    [693, '0.7'],
    [1000, '1'],
    [29_987, '30'],
  ])('of %i ms is named as %s seconds', async (timeout, seconds) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const call = rejectionOf(request('GET', 'https://as.example/', { fetch: silentFetch, timeout }));
    await vi.advanceTimersByTimeAsync(timeout);
    expect((await call).message).toContain(`within ${seconds} seconds.`);
  });

  it('leaves no timer after the request', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await request('GET', 'https://as.example/', { fetch: async () => Response.json({}) });
    expect(vi.getTimerCount()).toBe(0);
    const failing = async (): Promise<Response> => Promise.reject(new TypeError('fetch failed'));
    await rejectionOf(request('POST', 'https://as.example/', { fetch: failing }));
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([0, -1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY, '1000' as unknown as number])(
    'of %j ms is a TypeError',
    async (timeout) => {
      const error = await request('GET', 'http://127.0.0.1:9/', { timeout }).catch((thrown: unknown) => thrown);
      expect(error).toEqual(new TypeError('options.timeout must be a number of milliseconds from 1 to 2147483647.'));
    },
  );
});

describe("the caller's signal", () => {
  const reason = new Error('my reason');

  it('rejects with its own reason before the request', async () => {
    await using server = await startScriptedServer(() => ({ json: {} }));
    await expect(request('GET', server.origin, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  it('rejects with its own reason before the headers', async () => {
    const controller = new AbortController();
    await using server = await startScriptedServer(() => {
      controller.abort(reason);
      return { drop: 'never' };
    });
    const events: OAuthEvent[] = [];
    const onEvent = (event: OAuthEvent): void => void events.push(event);
    await expect(request('GET', server.origin, { signal: controller.signal, onEvent })).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(events).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it('rejects with its own reason while the body is read', async () => {
    await using server = await startScriptedServer(() => ({ body: endlessBody({ pause: 20 }) }));
    const controller = new AbortController();
    const fetch: typeof globalThis.fetch = async (...args) => {
      const response = await globalThis.fetch(...args);
      setTimeout(() => controller.abort(reason), 20);
      return response;
    };
    await expect(request('GET', server.origin, { signal: controller.signal, fetch })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  it('rejects with its own reason between two attempts', async () => {
    await using server = await startScriptedServer(() => ({ status: 503, headers: { 'retry-after': '20' } }));
    const controller = new AbortController();
    const onEvent = (): void => void setImmediate(() => controller.abort(reason));
    await expect(request('GET', server.origin, { signal: controller.signal, onEvent })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  it('may be aborted without a reason, or with a reason that is not an error', async () => {
    await expect(
      request('GET', 'https://as.example/', { fetch: silentFetch, signal: AbortSignal.timeout(20) }),
    ).rejects.toHaveProperty('name', 'TimeoutError');
    await expect(
      request('GET', 'https://as.example/', { fetch: silentFetch, signal: AbortSignal.abort('text') }),
    ).rejects.toBe('text');
  });

  it('may be shared by many requests without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    await using server = await startScriptedServer(() => ({ json: {}, delay: 20 }));
    await Promise.all(Array.from({ length: 30 }, () => request('GET', server.origin, { signal })));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('has no listener left after the request', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await request('GET', 'https://as.example/', { signal, fetch: async () => Response.json({}) });
    expect(listeners).toBe(0);
  });
});
