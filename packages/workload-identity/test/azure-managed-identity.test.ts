import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { azureManagedIdentity } from '../src/index.ts';
import { makeJwt, secondsFromNow, stubPlatform } from './platform.ts';

const REQUEST = { audience: 'api://AzureADTokenExchange' };
const PATH = '/metadata/identity/oauth2/token';
const SECRET = '853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a';
let server: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

describe('on a virtual machine (IMDS)', () => {
  beforeEach(() => stubPlatform({ AZURE_POD_IDENTITY_AUTHORITY_HOST: server.origin }));

  it('asks for a token with the audience as the resource', async () => {
    const access_token = await makeJwt();
    server.script({ [PATH]: { json: { access_token, expires_on: '1', token_type: 'Bearer' } } });
    expect(await azureManagedIdentity()(REQUEST)).toBe(access_token);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({
      method: 'GET',
      url: `${PATH}?api-version=2018-02-01&resource=api%3A%2F%2FAzureADTokenExchange`,
      headers: { metadata: 'true' },
    });
  });

  it('names the identity and the audience of the options', async () => {
    server.script({ [PATH]: { json: { access_token: 'token' } } });
    const source = azureManagedIdentity({ client_id: '11-22', audience: 'https://vault.azure.net' });
    expect(await source(REQUEST)).toBe('token');
    expect(new URL(server.requests[0]?.url ?? '', server.origin).searchParams.toString()).toBe(
      'api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net&client_id=11-22',
    );
  });

  it.each([
    [
      { status: 400, json: { error: 'invalid_request', error_description: 'Identity not found' } },
      /status 400: Identity not found\. Assign a managed identity/,
      { status: 400, retryable: false },
    ],
    [{ status: 410, body: 'plantedSecret' }, /status 410\. Try again\./, { status: 410, retryable: true }],
    [{ status: 404 }, /status 404\. Try again\./, { retryable: true }],
    [{ status: 429 }, /status 429/, { retryable: true }],
    [
      { status: 500, json: { error: 'plantedSecret'.repeat(4) } },
      /status 500: \*\*\*\. Try again/,
      { retryable: true },
    ],
    [{ status: 301, headers: { location: '/plantedSecret' } }, /status 301/, { retryable: false }],
    [{ json: { token: 'plantedSecret' } }, /answered without a token/, { retryable: false }],
    [{ json: ['plantedSecret'] }, /answered without a token/, { retryable: false }],
  ])('turns the answer %j into an error that says what to do', async (reply, message, details) => {
    server.script(() => reply);
    const error = await rejectionOf(azureManagedIdentity()(REQUEST));
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: 'assertion_unavailable', ...details });
    expect(inspectAll(error)).not.toContain('plantedSecret');
    expect(server.requests).toHaveLength(1);
  });

  it('refuses an expired token', async () => {
    const access_token = await makeJwt({ exp: secondsFromNow(-1) });
    server.script(() => ({ json: { access_token } }));
    const error = await rejectionOf(azureManagedIdentity()(REQUEST));
    expect(error.message).toMatch(/^The token of the managed identity has expired/);
  });
});

describe('in App Service, Functions and Container Apps', () => {
  it('asks the endpoint of the environment with its header', async () => {
    const access_token = await makeJwt();
    stubPlatform({ IDENTITY_ENDPOINT: `${server.origin}/msi/token/`, IDENTITY_HEADER: SECRET });
    server.script({ '/msi/token/': { json: { access_token } } });
    expect(await azureManagedIdentity({ client_id: '11-22' })(REQUEST)).toBe(access_token);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({
      method: 'GET',
      url: '/msi/token/?api-version=2019-08-01&resource=api%3A%2F%2FAzureADTokenExchange&client_id=11-22',
      headers: { 'x-identity-header': SECRET },
    });
    expect(server.requests[0]?.headers).not.toHaveProperty('metadata');
  });

  it('does not repeat the header in an error, also where the service does', async () => {
    stubPlatform({ IDENTITY_ENDPOINT: `${server.origin}/msi/token`, IDENTITY_HEADER: SECRET });
    server.script(() => ({ status: 401, json: { statusCode: 401, message: `Wrong header ${SECRET}.` } }));
    const error = await rejectionOf(azureManagedIdentity()(REQUEST));
    expect(error.message).toMatch(
      /^The identity endpoint of the Azure app .* status 401: Wrong header \*\*\*\. Assign/,
    );
    expect(inspectAll(error)).not.toContain(SECRET);
  });

  it.each([
    'http://evil.example/msi/token',
    'http://169.255.129.2:8081/msi/token',
    'http://169.254.evil.example/msi',
    'https://127.0.0.1/msi/token',
    'http://user:pw@127.0.0.1/msi/token',
    'not a URL',
  ])('sends the header to no other place: %s', async (IDENTITY_ENDPOINT) => {
    stubPlatform({ IDENTITY_ENDPOINT, IDENTITY_HEADER: SECRET });
    const error = await rejectionOf(azureManagedIdentity()(REQUEST));
    expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
    expect(error.message).toMatch(/^The environment variable IDENTITY_ENDPOINT has an address that is not asked\./);
    expect(inspectAll(error)).not.toContain('pw');
  });
});

it('is a TypeError for wrong options at once', () => {
  expect(() => azureManagedIdentity({ audience: '' })).toThrow(/^options\.audience must be/);
  expect(() => azureManagedIdentity({ client_id: '' })).toThrow(/^options\.client_id must be/);
  expect(() => azureManagedIdentity({ timeout: 'soon' as never })).toThrow(/^options\.timeout must be/);
});
