import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { azurePipelines } from '../src/index.ts';
import { makeJwt, secondsFromNow, stubPlatform } from './platform.ts';

const REQUEST = { audience: 'https://as.example' };
const SECRET = 'planted-system-access-token-123456';
const PATH = '/org/project/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken';
let server: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
  stubPlatform({ SYSTEM_OIDCREQUESTURI: `${server.origin}${PATH}`, SYSTEM_ACCESSTOKEN: SECRET });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

it.each([
  [undefined, ''],
  ['9a5b-11', '&serviceConnectionId=9a5b-11'],
])('asks for the token of the service connection %j', async (serviceConnectionId, query) => {
  const oidcToken = await makeJwt();
  server.script({ [PATH]: { json: { oidcToken } } });
  expect(await azurePipelines({ serviceConnectionId })(REQUEST)).toBe(oidcToken);
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]).toMatchObject({
    method: 'POST',
    url: `${PATH}?api-version=7.1${query}`,
    headers: {
      authorization: `Bearer ${SECRET}`,
      'content-type': 'application/json',
      'x-tfs-fedauthredirect': 'Suppress',
    },
    body: '',
  });
});

it.each([
  [{}, /^This is no job of Azure Pipelines: SYSTEM_OIDCREQUESTURI is not set/],
  [{ SYSTEM_OIDCREQUESTURI: 'https://dev.azure.com/x' }, /`env: SYSTEM_ACCESSTOKEN: \$\(System\.AccessToken\)`/],
])('says what to do with the environment %j', async (variables, message) => {
  stubPlatform(variables);
  const error = await rejectionOf(azurePipelines()(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
  expect(error.message).toMatch(message);
});

it.each([
  [
    { status: 401, body: SECRET },
    /status 401.*Check that the service connection exists/,
    { status: 401, retryable: false },
  ],
  [
    { status: 302, headers: { location: '/login' } },
    /redirects a request that carries credentials/,
    { retryable: false },
  ],
  [{ json: {} }, /answered without an ID token/, { retryable: false }],
  [{ json: null }, /answered without an ID token/, { retryable: false }],
])('turns the answer %j into an error that says what to do', async (reply, message, details) => {
  server.script(() => reply);
  const error = await rejectionOf(azurePipelines()(REQUEST));
  expect(error.message).toMatch(message);
  expect(error).toMatchObject({ code: 'assertion_unavailable', ...details });
  expect(inspectAll(error)).not.toContain(SECRET);
  expect(server.requests).toHaveLength(1);
});

it('asks again where the service is busy, and refuses an expired token', async () => {
  const oidcToken = await makeJwt({ exp: secondsFromNow(-1) });
  server.script((_, index) => (index === 0 ? { status: 503 } : { json: { oidcToken } }));
  const error = await rejectionOf(azurePipelines()(REQUEST));
  expect(error.message).toMatch(/^The ID token of Azure Pipelines has expired/);
  expect(server.requests).toHaveLength(2);
});

it('rejects with the reason of a signal, and is a TypeError for wrong options at once', async () => {
  const reason = new Error('stop');
  await expect(azurePipelines()({ ...REQUEST, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(() => azurePipelines({ serviceConnectionId: '' })).toThrow(/^options\.serviceConnectionId must be/);
  expect(() => azurePipelines({ timeout: Number.NaN })).toThrow(/^options\.timeout must be/);
});
