import { createFetch } from '@oa/fetch';
import type { ManagerOptions } from '@oa/manager';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from '../setup.ts';

/** An API that answers every request with a demand for more scopes. */
async function startDemandingApi(scope: string): Promise<ScriptedServer> {
  const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
  const api = await startScriptedServer(() => ({ status: 403, headers: { 'www-authenticate': challenge } }));
  onTestFinished(() => api.close());
  return api;
}

const job = { client_id: 'c', client_secret: 's', scope: 'reports:read' };

it.each<[string, ManagerOptions['stepUp'], (string | null)[]]>([
  ['by default', undefined, ['reports:read']],
  ['with stepUp false', false, ['reports:read']],
  ['with a list that lacks them', ['reports:write'], ['reports:read']],
  ['with a list that has one of them', ['users:delete'], ['reports:read', 'reports:read users:delete']],
])('widens the token of a job no further than the program allows: %s', async (_, stepUp, scopes) => {
  const { server, metadata } = await startScripted(({ form }) =>
    bearer(`for-${form.get('scope')?.replaceAll(' ', '-')}`),
  );
  const api = await startDemandingApi('admin:all users:delete');
  const { manager } = managerAt(temporaryDirectory(), { stepUp });
  const call = createFetch(manager.source(metadata, job));
  for (let calls = 0; calls < 3; calls += 1) expect((await call(api.origin)).status).toBe(403);
  expect(server.requests.map(({ form }) => form.get('scope'))).toEqual(scopes);
});

it.each<[ManagerOptions['stepUp'], (string | null)[]]>([
  [undefined, ['read', 'read write']],
  [['write'], ['read', 'read write']],
  [['other'], ['read']],
  [false, ['read']],
])('asks a user for more scopes once for the same challenge, with stepUp %o', async (stepUp, scopes) => {
  const { metadata } = await startScripted({ '/token': bearer('a', { refresh_token: 'r' }) });
  const api = await startDemandingApi('write');
  const { openBrowser, urls } = agreeingBrowser();
  const { manager } = managerAt(temporaryDirectory(), { stepUp, login: { openBrowser } });
  const call = createFetch(manager.source(metadata, { client_id: 'p', scope: 'read' }));
  for (let calls = 0; calls < 4; calls += 1) expect((await call(api.origin)).status).toBe(403);
  expect(urls.map((url) => url.searchParams.get('scope'))).toEqual(scopes);
});

it('does not ask a user again who has denied the scopes, and goes on with the token it had', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a', { refresh_token: 'r' }) });
  const api = await startDemandingApi('write');
  const { openBrowser, urls } = agreeingBrowser();
  const denying = async (address: string): Promise<unknown> => {
    if (urls.length === 0) return openBrowser(address);
    const url = new URL(await authorizationUrl(address));
    urls.push(url);
    const callback = new URL(url.searchParams.get('redirect_uri') ?? '');
    callback.search = new URLSearchParams({
      error: 'access_denied',
      state: url.searchParams.get('state') ?? '',
    }).toString();
    return fetch(callback);
  };
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: denying } });
  const call = createFetch(manager.source(metadata, { client_id: 'p', scope: 'read' }));
  expect((await call(api.origin)).status).toBe(403);
  for (let calls = 0; calls < 3; calls += 1) expect((await call(api.origin)).status).toBe(403);
  expect(urls).toHaveLength(2);
});

it('repeats a step-up that failed for a passing reason', async () => {
  let down = false;
  const { server, metadata } = await startScripted(({ form }) =>
    down ? { status: 503 } : bearer(`for ${form.get('scope')}`),
  );
  const { manager } = managerAt(temporaryDirectory(), { stepUp: ['write'], timeout: 400 });
  const source = manager.source(metadata, job);
  await source();
  down = true;
  await expect(source({ scope: 'write' })).rejects.toMatchObject({ retryable: true });
  expect((await source()).access_token).toBe('for reports:read');
  down = false;
  expect((await source({ scope: 'write' })).access_token).toBe('for reports:read write');
  expect(server.requests.at(-1)?.form.get('scope')).toBe('reports:read write');
});

it.each<[string, ManagerOptions['stepUp'], string | null]>([
  ['none by default', undefined, null],
  ['none with stepUp false', false, null],
  ['the listed ones', ['y', 'z'], 'y'],
])('lets a resource choose the scopes of a job without scope: %s', async (_, stepUp, scope) => {
  const { server, metadata } = await startScripted();
  const resource = `${server.origin}/api`;
  server.script({
    '/.well-known/oauth-authorization-server': { json: metadata },
    '/.well-known/oauth-protected-resource/api': {
      json: { resource, authorization_servers: [server.origin], scopes_supported: ['x', 'y'] },
    },
    '/token': bearer('a'),
  });
  const { manager } = managerAt(temporaryDirectory(), { stepUp });
  await manager.getToken({ resource, issuer: server.origin }, { client_id: 'c', client_secret: 's' });
  expect(server.requestsTo('/token').map(({ form }) => form.get('scope'))).toEqual([scope]);
});

/** The authorization URL behind the address that the browser is given. */
async function authorizationUrl(address: string): Promise<string> {
  const response = await fetch(address, { redirect: 'manual' });
  return response.headers.get('location') ?? address;
}
