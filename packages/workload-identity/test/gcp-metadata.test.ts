import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { gcpMetadata } from '../src/index.ts';
import { makeJwt, secondsFromNow, stubPlatform } from './platform.ts';

const REQUEST = { audience: 'https://as.example/a b' };
const PATH = '/computeMetadata/v1/instance/service-accounts/default/identity';
const FLAVOR = { 'metadata-flavor': 'Google' };
let server: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
  stubPlatform({ GCE_METADATA_HOST: server.origin.slice('http://'.length) });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

it('asks for an ID token with the audience of the request', async () => {
  const token = await makeJwt();
  server.script({ [PATH]: { headers: FLAVOR, body: token } });
  expect(await gcpMetadata()(REQUEST)).toBe(token);
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]).toMatchObject({
    method: 'GET',
    url: `${PATH}?format=full&audience=https%3A%2F%2Fas.example%2Fa%20b`,
    headers: { 'metadata-flavor': 'Google' },
  });
});

it('asks for the audience of the option, at an address with a scheme and a slash, and again for each request', async () => {
  stubPlatform({ GCE_METADATA_HOST: `${server.origin}/` });
  server.script((_, index) => ({ headers: FLAVOR, body: `token-${index}\n` }));
  const source = gcpMetadata({ audience: 'my-audience' });
  expect([await source(REQUEST), await source({ ...REQUEST, rejected: 'token-0' })]).toEqual(['token-0', 'token-1']);
  expect(server.requests.map(({ url }) => url)).toEqual(Array(2).fill(`${PATH}?format=full&audience=my-audience`));
});

it.each([
  [
    'without a service account',
    { status: 404, headers: FLAVOR },
    /status 404\. Attach a service account/,
    { status: 404, retryable: false },
  ],
  ['that is busy', { status: 503, headers: FLAVOR }, /status 503\. Try again\./, { status: 503, retryable: true }],
  ['with too many requests', { status: 429, headers: FLAVOR }, /status 429/, { retryable: true }],
  ['that redirects', { status: 302, headers: { ...FLAVOR, location: '/other' } }, /status 302/, { retryable: false }],
  [
    'of another kind',
    { body: 'plantedSecret' },
    /^Something other than the metadata server .* status 200/,
    { retryable: false },
  ],
  ['with no token', { headers: FLAVOR, body: '' }, /^The ID token of the metadata server of Google Cloud is empty/, {}],
  [
    'with 64 KiB and more',
    { headers: FLAVOR, body: 'plantedSecret'.repeat(9999) },
    /^The answer of the metadata server of Google Cloud is larger than 64 KiB/,
    { retryable: false },
  ],
  [
    'that breaks off',
    { headers: { ...FLAVOR, 'content-length': '99' }, body: 'plantedSecret', drop: 'body' as const },
    /did not answer \(ECONNRESET\)/,
    { retryable: true },
  ],
  [
    'that hangs up',
    { drop: 'request' as const },
    /did not answer \(ECONNRESET\)\. On Google Cloud, try again/,
    { retryable: true },
  ],
])('says what to do about a server %s', async (_, reply, message, details) => {
  server.script(() => reply);
  const error = await rejectionOf(gcpMetadata()(REQUEST));
  expect(error.message).toMatch(message);
  expect(error).toMatchObject({ code: 'assertion_unavailable', ...details });
  expect(inspectAll(error)).not.toContain('plantedSecret');
  expect(server.requests).toHaveLength(1);
});

it('refuses an expired token', async () => {
  const body = await makeJwt({ exp: secondsFromNow(-1) });
  server.script(() => ({ headers: FLAVOR, body }));
  expect((await rejectionOf(gcpMetadata()(REQUEST))).message).toMatch(/Google Cloud has expired at/);
  expect(await gcpMetadata({ now: () => Date.now() - 60_000 })(REQUEST)).toBe(body);
});

it.each([
  'evil.example',
  'evil.example/computeMetadata',
  '169.254.169.253',
  '127.0.0.2',
  'metadata.google.internal.evil.example',
  'user@127.0.0.1',
  '127.0.0.1/path',
  'https://metadata.google.internal',
  'a b',
])('asks no other host over plain http: %s', async (host) => {
  stubPlatform({ GCE_METADATA_HOST: host });
  const error = await rejectionOf(gcpMetadata()(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
  expect(error.message).toMatch(/^The environment variable GCE_METADATA_HOST has an address that is not asked\./);
});

it('is a TypeError for wrong options at once, and without any audience', async () => {
  expect(() => gcpMetadata({ audience: '' })).toThrow(/^options\.audience must be a non-empty string/);
  expect(() => gcpMetadata({ timeout: 0 })).toThrow(/^options\.timeout must be/);
  await expect(gcpMetadata()({} as never)).rejects.toThrow(/^request\.audience must/);
});
