import { once } from 'node:events';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { getJson, postForm, request } from '@oa/http';

const schema = looseObject({ name: string() });

describe('servers that are dead, slow or endless', () => {
  it('tells the kinds of failure apart', async () => {
    await using server = await startScriptedServer({
      '/500': { status: 500, body: '<h1>Oops</h1>', headers: { 'content-type': 'text/html' } },
      '/html': { body: '<!doctype html>', headers: { 'content-type': 'text/html; charset=utf-8' } },
      '/truncated': { body: '{"name": "x', headers: { 'content-type': 'application/json' } },
      '/incomplete': { json: { nam: 'x' } },
      '/huge': { body: megabytes(64) },
      '/drop': { drop: 'request' },
      '/half': { drop: 'body', body: 'x'.repeat(1000), headers: { 'content-length': '1000' } },
      '/never': { drop: 'never' },
    });
    const codeOf = async (path: string): Promise<string> =>
      (await rejectionOf(getJson(`${server.origin}${path}`, schema, { timeout: 200, idempotent: false }))).code;
    expect(await codeOf('/500')).toBe('http_error');
    expect(await codeOf('/html')).toBe('unexpected_content_type');
    expect(await codeOf('/truncated')).toBe('invalid_json');
    expect(await codeOf('/incomplete')).toBe('invalid_response');
    expect(await codeOf('/huge')).toBe('response_too_large');
    expect(await codeOf('/drop')).toBe('network_error');
    expect(await codeOf('/half')).toBe('network_error');
    expect(await codeOf('/never')).toBe('timeout');
    await server.close();
    expect(await codeOf('/')).toBe('network_error');
  });

  it('a body of 1 MiB is read, one byte more is not', async () => {
    const limit = 1024 * 1024;
    await using server = await startScriptedServer({
      '/fits': { body: 'x'.repeat(limit) },
      '/over': { body: [new Uint8Array(limit), new Uint8Array(1)] },
    });
    expect((await request('GET', `${server.origin}/fits`)).text).toHaveLength(limit);
    expect(await rejectionOf(request('GET', `${server.origin}/over`))).toMatchObject({
      code: 'response_too_large',
      retryable: false,
    });
  });

  it('refuses an announced large body without reading it', async () => {
    await using server = await startScriptedServer(() => ({
      headers: { 'content-length': '1048577' },
      body: endless(60_000),
    }));
    const error = await rejectionOf(request('GET', `${server.origin}/`, { timeout: 5000 }));
    expect(error.code).toBe('response_too_large');
  });

  it('counts bytes after decompression: a gzip bomb ends early', async () => {
    const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    await using server = await startScriptedServer(() => ({ headers: { 'content-encoding': 'gzip' }, body: bomb }));
    const error = await rejectionOf(request('GET', `${server.origin}/`));
    expect(error.code).toBe('response_too_large');
  });

  it('closes the connection that it does not read to the end', async () => {
    const connection = { open: true };
    const body = endless(0, () => (connection.open = false), new Uint8Array(64 * 1024));
    await using server = await startScriptedServer(() => ({ body }));
    expect((await rejectionOf(request('GET', server.origin))).code).toBe('response_too_large');
    await expect.poll(() => connection.open).toBe(false);
  });

  it('ends a drip of bytes at the timeout, and closes the connection', async () => {
    const connection = { open: true };
    await using server = await startScriptedServer(() => ({ body: endless(20, () => (connection.open = false)) }));
    const error = await rejectionOf(request('GET', `${server.origin}/`, { timeout: 200 }));
    expect(error).toMatchObject({ code: 'timeout', retryable: true });
    await expect.poll(() => connection.open).toBe(false);
    expect(server.requests).toHaveLength(1);
  });

  it('ends a drip of headers at the timeout', async () => {
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

  it('refuses more headers than are read', async () => {
    const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`x-${index}`, 'y']));
    await using server = await startScriptedServer(() => ({ headers, json: {} }));
    const error = await rejectionOf(request('GET', `${server.origin}/`));
    expect(error.code).toBe('response_too_large');
    expect(server.requests).toHaveLength(1);
  });

  it('D1: an answer that arrived while the event loop was blocked is read, however late', async () => {
    await using server = await startScriptedServer(() => {
      // Later than the answer, and over when the timeout has long passed.
      setImmediate(() => {
        const end = performance.now() + 600;
        while (performance.now() < end);
      });
      return { json: { name: 'rotated' } };
    });
    const form = { grant_type: 'refresh_token', refresh_token: 'once' };
    for (let round = 0; round < 3; round += 1)
      expect(await postForm(`${server.origin}/`, form, schema, { timeout: 300 })).toEqual({ name: 'rotated' });
  });

  it('the timeout ends a fetch that ignores its signal', async () => {
    const error = await rejectionOf(request('GET', 'https://as.example/?code=SECRET', { fetch: never, timeout: 50 }));
    expect(error.code).toBe('timeout');
    expect(error.message).not.toContain('SECRET');
  });

  it("knows that no time is left for a platform's own timeouts", async () => {
    for (const code of ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']) {
      const fetch = async (): Promise<Response> => {
        throw new TypeError('fetch failed', { cause: Object.assign(new Error('late'), { code }) });
      };
      expect(await rejectionOf(request('GET', 'https://as.example/', { fetch }))).toMatchObject({
        code: 'timeout',
        retryable: true,
      });
    }
  });
});

describe('signal of the caller', () => {
  it('rejects with its own reason before, during and after the headers, and between attempts', async () => {
    await using server = await startScriptedServer({
      '/never': { drop: 'never' },
      '/body': { body: endless(20) },
      '/503': { status: 503, headers: { 'retry-after': '20' } },
    });
    const reason = new Error('my reason');
    const early = AbortSignal.abort(reason);
    await expect(request('GET', `${server.origin}/never`, { signal: early })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
    for (const path of ['/never', '/body', '/503']) {
      const controller = new AbortController();
      const sent = request('GET', `${server.origin}${path}`, { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 100);
      await expect(sent).rejects.toBe(reason);
    }
    expect(server.requests).toHaveLength(3);
  });

  it('may be aborted without a reason, or with something that is no error', async () => {
    await expect(
      request('GET', 'https://as.example/', { fetch: never, signal: AbortSignal.timeout(20) }),
    ).rejects.toHaveProperty('name', 'TimeoutError');
    await expect(
      request('GET', 'https://as.example/', { fetch: never, signal: AbortSignal.abort('text') }),
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

  it('leaves no listener behind', async () => {
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

function* megabytes(count: number): Generator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield new Uint8Array(1024 * 1024).fill(32);
}

async function* endless(
  pause: number,
  onEnd: () => void = () => undefined,
  chunk: Uint8Array = new Uint8Array([32]),
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      yield chunk;
      await new Promise((resolve) => setTimeout(resolve, pause).unref());
    }
  } finally {
    onEnd();
  }
}

function never(): Promise<Response> {
  return new Promise(() => undefined);
}
