import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { OAuthEvent } from '@oa/types';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { githubActions } from '../src/index.ts';
import { makeJwt, secondsFromNow, stubPlatform } from './platform.ts';

const REQUEST = { audience: 'https://as.example/a b' };
const SECRET = 'planted-request-token-1234567890';
let server: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
  stubJob();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

function stubJob(path = '/token?api-version=2.0'): void {
  stubPlatform({
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: `${server.origin}${path}`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: SECRET,
  });
}

it('asks for a token with the audience of the request', async () => {
  const value = await makeJwt();
  server.script({ '/token': { json: { count: 1, value } } });
  expect(await githubActions()(REQUEST)).toBe(value);
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]).toMatchObject({
    method: 'GET',
    url: '/token?api-version=2.0&audience=https%3A%2F%2Fas.example%2Fa%20b',
    headers: { authorization: `Bearer ${SECRET}`, accept: 'application/json' },
  });
});

it('asks for the audience of the option, also where the address has no query', async () => {
  stubJob('/token');
  server.script({ '/token': { json: { value: 'opaque-token' } } });
  expect(await githubActions({ audience: 'api://AzureADTokenExchange' })(REQUEST)).toBe('opaque-token');
  expect(server.requests[0]?.url).toBe('/token?audience=api%3A%2F%2FAzureADTokenExchange');
});

it('asks again for each request', async () => {
  server.script((_, index) => ({ json: { value: `token-${index}` } }));
  const source = githubActions();
  expect([await source(REQUEST), await source({ ...REQUEST, rejected: 'token-0' })]).toEqual(['token-0', 'token-1']);
});

it('names the permission that the job lacks, without a request', async () => {
  stubPlatform({ GITHUB_ACTIONS: 'true' });
  const error = await rejectionOf(githubActions()(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
  expect(error.message).toMatch(
    /^This job of GitHub Actions may not ask for an ID token\. .*`permissions: id-token: write`/,
  );
});

it('says that this is no job of GitHub Actions', async () => {
  stubPlatform();
  const error = await rejectionOf(githubActions()(REQUEST));
  expect(error.message).toMatch(/^This is no job of GitHub Actions: ACTIONS_ID_TOKEN_REQUEST_URL/);
});

it.each([
  [
    { status: 403, json: { message: `No ${SECRET}` } },
    /status 403.*`permissions: id-token: write`/,
    { status: 403, retryable: false },
  ],
  [
    { status: 500, headers: { 'retry-after': '7200' } },
    /status 500/,
    { status: 500, retryable: true, retryAfter: 7200 },
  ],
  [{ json: { count: 0 } }, /answered without an ID token/, { retryable: false }],
  [{ json: ['x'] }, /answered without an ID token/, { retryable: false }],
  [{ status: 302, headers: { location: 'http://127.0.0.1:1/' } }, /redirects to another origin/, { retryable: false }],
  [{ body: 'x'.repeat(2_000_000) }, /more than 1 MiB/, { retryable: false }],
])('turns the answer %j into an error that says what to do', async (reply, message, details) => {
  server.script(() => reply);
  const error = await rejectionOf(githubActions()(REQUEST));
  expect(error.message).toMatch(message);
  expect(error).toMatchObject({ code: 'assertion_unavailable', ...details });
  expect(inspectAll(error)).not.toContain(SECRET);
});

it('refuses an expired token and one of more than 64 KiB, and shows no part of them', async () => {
  const expired = await makeJwt({ exp: secondsFromNow(-10) });
  for (const value of [expired, 'plantedSecret'.repeat(10_000)]) {
    server.script(() => ({ json: { value } }));
    const error = await rejectionOf(githubActions()(REQUEST));
    expect(error.message).toMatch(/^The ID token of GitHub Actions (?:has expired|is larger than 64 KiB)/);
    expect(inspectAll(error)).not.toContain(value.slice(0, 30));
  }
});

it('does not send the token to plain http elsewhere', async () => {
  stubPlatform({ ACTIONS_ID_TOKEN_REQUEST_URL: 'http://github.example/x?y', ACTIONS_ID_TOKEN_REQUEST_TOKEN: SECRET });
  const fetch = vi.fn<typeof globalThis.fetch>();
  const error = await rejectionOf(githubActions({ fetch })(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
  expect(error.message).toMatch(/^GitHub Actions gave no token\. http:\/\/github\.example\/x is not safe for secrets/);
  expect(fetch).not.toHaveBeenCalled();
});

it('takes the options of the network: fetch, timeout, onEvent, and the signal of the request', async () => {
  const events: OAuthEvent[] = [];
  server.script((_, index) => (index === 0 ? { status: 503 } : { json: { value: 'token' } }));
  const fetch = vi.fn<typeof globalThis.fetch>((...args) => globalThis.fetch(...args));
  expect(await githubActions({ fetch, onEvent: (event) => events.push(event) })(REQUEST)).toBe('token');
  expect(events).toMatchObject([{ type: 'retry', status: 503 }]);
  expect(JSON.stringify(events)).not.toContain(SECRET);
  expect(fetch).toHaveBeenCalledTimes(2);

  server.script(() => ({ drop: 'never' }));
  const slow = await rejectionOf(githubActions({ timeout: 300 })(REQUEST));
  expect(slow).toMatchObject({ code: 'assertion_unavailable', retryable: true });
  const controller = new AbortController();
  const reason = new Error('stop');
  server.script(() => {
    controller.abort(reason);
    return { drop: 'never' };
  });
  const aborted = githubActions()({ ...REQUEST, signal: controller.signal });
  await expect(aborted).rejects.toBe(reason);
  await expect(githubActions()({ ...REQUEST, signal: controller.signal })).rejects.toBe(reason);
});

it('is a TypeError for wrong options at once, and without any audience', async () => {
  expect(() => githubActions({ audience: '' })).toThrow(/^options\.audience must be a non-empty string/);
  expect(() => githubActions({ timeout: -1 })).toThrow(/^options\.timeout must be/);
  await expect(githubActions()({} as never)).rejects.toThrow(/^request\.audience must be a non-empty string/);
});
