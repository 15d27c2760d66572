import { gzipSync } from 'node:zlib';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { request } from '@oa/http';
import { endlessBody } from './help.ts';

const LIMIT_BYTES = 1024 * 1024;

it('reads a body of 1 MiB, and refuses one byte more', async () => {
  await using server = await startScriptedServer({
    '/fits': { body: 'x'.repeat(LIMIT_BYTES) },
    '/over': { body: [new Uint8Array(LIMIT_BYTES), new Uint8Array(1)] },
  });
  expect((await request('GET', `${server.origin}/fits`)).text).toHaveLength(LIMIT_BYTES);
  expect(await rejectionOf(request('GET', `${server.origin}/over`))).toMatchObject({
    code: 'response_too_large',
    retryable: false,
  });
});

it('reads no more of the body of an error status', async () => {
  const body = endlessBody({ chunk: new Uint8Array(64 * 1024) });
  await using server = await startScriptedServer(() => ({ status: 400, body }));
  expect((await rejectionOf(request('GET', server.origin))).code).toBe('response_too_large');
});

it('refuses a large content-length without reading the body', async () => {
  await using server = await startScriptedServer(() => ({
    headers: { 'content-length': String(LIMIT_BYTES + 1) },
    body: endlessBody({ pause: 60_000 }),
  }));
  const error = await rejectionOf(request('GET', `${server.origin}/`, { timeout: 20_000 }));
  expect(error.code).toBe('response_too_large');
});

it('counts bytes after decompression, so that a gzip bomb ends early', async () => {
  const bomb = gzipSync(new Uint8Array(64 * LIMIT_BYTES));
  expect(bomb.length).toBeLessThan(100_000);
  await using server = await startScriptedServer(() => ({ headers: { 'content-encoding': 'gzip' }, body: bomb }));
  expect((await rejectionOf(request('GET', server.origin))).code).toBe('response_too_large');
});

it('closes the connection of a body that it does not read to the end', async () => {
  const connection = { open: true };
  const body = endlessBody({ chunk: new Uint8Array(64 * 1024), onEnd: () => (connection.open = false) });
  await using server = await startScriptedServer(() => ({ body }));
  expect((await rejectionOf(request('GET', server.origin))).code).toBe('response_too_large');
  await expect.poll(() => connection.open, { timeout: 20_000 }).toBe(false);
});
