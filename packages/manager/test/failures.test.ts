import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Token } from '@oa/types';
import type { Reply } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { aged, bearer, managerAt, nearExpiry, startScripted, temporaryDirectory, tokensDirectory } from './setup.ts';

const credentials = { client_id: 'c', client_secret: 'the-planted-secret-1' };
const BUSY = { status: 429, headers: { 'retry-after': '120' }, json: { error: 'slow_down_please' } };

function failuresDirectory(directory: string): string {
  return join(tokensDirectory(directory), '../failures');
}

it.each([429, 503])(
  'after a %i with Retry-After, 20 calls and other processes fail with the same error, without a request (RFC 9110 section 10.2.3)',
  async (status) => {
    const { server, metadata } = await startScripted({ '/token': { ...BUSY, status } });
    const directory = temporaryDirectory();
    const { manager } = managerAt(directory, { timeout: 1000 });
    expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false, error: { status, retryable: true } });
    const requests = server.requests.length;
    const others = [manager, managerAt(directory).manager];
    const calls = others.flatMap((each) => Array.from({ length: 10 }, () => each.get(metadata, credentials)));
    for (const result of await Promise.all(calls)) {
      expect(result).toMatchObject({ ok: false, error: { status, retryable: true } });
      expect(result.ok || result.error.retryAfter).toBeGreaterThan(100);
      expect(result.ok || result.error.retryAfter).toBeLessThanOrEqual(120);
    }
    expect(server.requests).toHaveLength(requests);
  },
);

it('replaces the file of a failure that others could have planted', async () => {
  const { server, metadata } = await startScripted({ '/token': BUSY });
  const directory = temporaryDirectory();
  const get = async () => managerAt(directory, { timeout: 1000 }).manager.get(metadata, credentials);
  await get();
  const name = readdirSync(failuresDirectory(directory)).find((each) => each.endsWith('.json'));
  chmodSync(join(failuresDirectory(directory), name ?? ''), 0o666);
  await get();
  const requests = server.requests.length;
  expect(await get()).toMatchObject({ ok: false, error: { status: 429 } });
  expect(server.requests).toHaveLength(requests);
});

it('asks again after the time of Retry-After, and forgets the failure after a success', async () => {
  let isBusy = true;
  const { server, metadata } = await startScripted({ '/token': () => (isBusy ? BUSY : bearer('a')) });
  const directory = temporaryDirectory();
  let time = Date.now();
  const { manager } = managerAt(directory, { timeout: 1000, now: () => time });
  expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false, error: { status: 429 } });
  isBusy = false;
  time += 119_000;
  expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false, error: { retryAfter: 1 } });
  time += 1000;
  expect(await manager.get(metadata, credentials)).toMatchObject({ ok: true, value: { access_token: 'a' } });
  expect(server.requests).toHaveLength(2);
  expect(readdirSync(failuresDirectory(directory))).toEqual([]);
});

it('serves a token that is still valid while the server asks for a pause', async () => {
  const { server, metadata } = await startScripted({ '/token': BUSY });
  const [key, token] = nearExpiry(metadata.issuer, { refresh_token: 'r' });
  const cache = new Map<string, Token>([[key, aged(token, 30)]]);
  const { manager, events } = managerAt(temporaryDirectory(), { cache, timeout: 1000 });
  for (let calls = 0; calls < 5; calls += 1)
    expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
  expect(events.filter(({ type }) => type === 'served_stale')).toHaveLength(5);
  expect(server.requests).toHaveLength(1);
});

it('makes one attempt for 20 calls with a refused secret; another secret is asked for at once (RFC 6749 section 5.2)', async () => {
  const { server, metadata } = await startScripted(({ form }) =>
    form.get('client_secret') === 'right' ? bearer('a') : { status: 401, json: { error: 'invalid_client' } },
  );
  const directory = temporaryDirectory();
  const wrong = { ...credentials, token_endpoint_auth_method: 'client_secret_post' };
  const { manager } = managerAt(directory);
  const first = await manager.get(metadata, wrong);
  expect(first).toMatchObject({ ok: false, error: { error: 'invalid_client' } });
  const requests = server.requests.length;
  const others = [manager, managerAt(directory).manager];
  const calls = others.flatMap((each) => Array.from({ length: 10 }, () => each.get(metadata, wrong)));
  for (const result of await Promise.all(calls))
    expect(result).toMatchObject({ ok: false, error: { error: 'invalid_client', status: 401 } });
  expect(server.requests).toHaveLength(requests);
  expect(await manager.get(metadata, { ...wrong, client_secret: 'right' })).toMatchObject({ ok: true });
});

it.each<[string, Reply]>([
  ['unauthorized_client with 401', { status: 401, json: { error: 'unauthorized_client' } }],
  ['unauthorized_client with 400', { status: 400, json: { error: 'unauthorized_client' } }],
  ['incorrect_client_credentials with 200', { json: { error: 'incorrect_client_credentials' } }],
  ['invalid_client_id', { status: 400, json: { error: 'invalid_client_id' } }],
  ['access_denied with 401', { status: 401, json: { error: 'access_denied' } }],
  ['an empty 401', { status: 401 }],
])('makes one attempt for 20 calls with a client that is refused with %s', async (_, reply) => {
  const { server, metadata } = await startScripted({ '/token': reply });
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory);
  const first = await manager.get(metadata, credentials);
  const requests = server.requests.length;
  for (const each of [manager, managerAt(directory).manager])
    for (let calls = 0; calls < 10; calls += 1)
      expect(await each.get(metadata, credentials)).toMatchObject({
        ok: false,
        error: { code: first.ok || first.error.code, status: first.ok || first.error.status },
      });
  expect(server.requests).toHaveLength(requests);
});

it('asks again five seconds after a refused secret', async () => {
  let isRefused = true;
  const { metadata } = await startScripted({
    '/token': () => (isRefused ? { status: 401, json: { error: 'invalid_client' } } : bearer('a')),
  });
  let time = Date.now();
  const { manager } = managerAt(temporaryDirectory(), { now: () => time });
  expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false });
  isRefused = false;
  time += 5001;
  expect(await manager.get(metadata, credentials)).toMatchObject({ ok: true });
});

it('stores no secret with a failure, and nothing where the tokens are kept elsewhere', async () => {
  const { metadata } = await startScripted({ '/token': { status: 401, json: { error: 'invalid_client' } } });
  const directory = temporaryDirectory();
  await managerAt(directory).manager.get(metadata, credentials);
  const [name = ''] = readdirSync(failuresDirectory(directory));
  const text = readFileSync(join(failuresDirectory(directory), name), 'utf8');
  expect(text).toContain('invalid_client');
  expect(text).not.toContain('planted');
  const other = temporaryDirectory();
  await managerAt(other, { cache: new Map() }).manager.get(metadata, credentials);
  expect(readdirSync(other)).toEqual([]);
});

it('does not obey a pause of more than an hour, nor one of a file that was damaged or written by a later clock', async () => {
  const reply = { ...BUSY, headers: { 'retry-after': '99999999' } };
  const { server, metadata } = await startScripted({ '/token': reply });
  const directory = temporaryDirectory();
  let time = Date.now();
  const options = { timeout: 1000, now: () => time };
  await managerAt(directory, options).manager.get(metadata, credentials);
  time += 3_600_001;
  await managerAt(directory, options).manager.get(metadata, credentials);
  expect(server.requests).toHaveLength(2);
  time -= 7_200_000;
  await managerAt(directory, options).manager.get(metadata, credentials);
  expect(server.requests).toHaveLength(3);
});
