// One refresh token serves several resources (RFC 8707 section 2.2).
import type { Credentials, ManagerOptions } from '@oa/manager';
import type { RecordedRequest, Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import {
  agreeingBrowser,
  bearer,
  changeStored,
  managerAt,
  runTogether,
  startScripted,
  storedTokens,
  storeWithoutKeys,
  temporaryDirectory,
} from './setup.ts';

const client_id = 'p';

interface SharedServer {
  server: ScriptedServer;
  issuer: string;
  /** The URLs of two resources with metadata of their own. */
  mail: string;
  files: string;
  /** What the server answers to a refresh, instead of a token. */
  refusal?: Reply | undefined;
}

/** A server that rotates its refresh tokens and gives tokens for the resource that is asked for. */
async function startShared(): Promise<SharedServer> {
  const { server, metadata } = await startScripted();
  const shared: SharedServer = {
    server,
    issuer: metadata.issuer,
    mail: `${server.origin}/mail`,
    files: `${server.origin}/files`,
  };
  let count = 0;
  const token = ({ form }: RecordedRequest): Reply => {
    const isRefresh = form?.get('grant_type') === 'refresh_token';
    if (isRefresh && shared.refusal !== undefined) return shared.refusal;
    if (isRefresh && form.get('refresh_token') !== `refresh-${count}`)
      return { status: 400, json: { error: 'invalid_grant' } };
    count += 1;
    const path = new URL(form?.get('resource') ?? '').pathname.slice(1);
    return bearer(`${path}-${count}`, {
      refresh_token: `refresh-${count}`,
      ...(!isRefresh && { scope: 'read write' }),
    });
  };
  const resourceMetadata = (resource: string): Reply => ({
    json: { resource, authorization_servers: [metadata.issuer], scopes_supported: ['read'] },
  });
  server.script({
    '/.well-known/oauth-authorization-server': { json: metadata },
    '/.well-known/oauth-protected-resource/mail': resourceMetadata(shared.mail),
    '/.well-known/oauth-protected-resource/files': resourceMetadata(shared.files),
    '/token': token,
    '/register': { status: 201, json: { client_id: 'registered' } },
  });
  return shared;
}

const credentials: Credentials = { client_id };

/** What the login of the first resource asks for. */
function wide({ files }: SharedServer): Credentials {
  return { client_id, scope: 'read write', furtherResources: [files] };
}

/** A new process of the program. */
function programAt(directory: string, options: ManagerOptions = {}) {
  const { openBrowser, urls } = agreeingBrowser();
  return { ...managerAt(directory, { login: { openBrowser }, ...options }), urls };
}

const grantsAt = ({ server }: SharedServer): (string | null | undefined)[] =>
  server.requestsTo('/token').map(({ form }) => form?.get('grant_type'));

it('gets a token for a second resource with the refresh token of the first, without a login, and both go on', async () => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  await programAt(directory).manager.getToken({ resource: shared.mail }, wide(shared));
  const { manager, urls } = programAt(directory, { interaction: 'never' });
  const files = await manager.getToken({ resource: shared.files }, credentials);
  expect(files).toMatchObject({ access_token: 'files-2', scope: 'read' });
  expect(files).not.toHaveProperty('refresh_token');
  const form = shared.server.requestsTo('/token')[1]?.form;
  expect([form?.get('refresh_token'), form?.get('resource'), form?.get('scope')]).toEqual([
    'refresh-1',
    shared.files,
    'read',
  ]);
  // The first resource keeps its token, and has the only refresh token that is still valid.
  const mail = await manager.getToken({ resource: shared.mail }, wide(shared));
  expect(mail).toMatchObject({ access_token: 'mail-1', refresh_token: 'refresh-2' });
  const renewed = await manager.getToken({ resource: shared.mail }, wide(shared), {
    rejected: mail.access_token,
  });
  expect(renewed).toMatchObject({ access_token: 'mail-3', refresh_token: 'refresh-3' });
  const again = await manager.getToken({ resource: shared.files }, credentials, { minimumValidity: 0 });
  expect(again.access_token).toBe(files.access_token);
  expect(urls).toEqual([]);
  expect(grantsAt(shared)).toEqual(['authorization_code', 'refresh_token', 'refresh_token']);
});

it('makes one request for many calls and managers that need the token of the second resource', async () => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  await programAt(directory).manager.getToken({ resource: shared.mail }, wide(shared));
  const managers = [0, 1, 2].map(() => programAt(directory, { interaction: 'never' }).manager);
  const calls = managers.flatMap((manager) =>
    [0, 1, 2].map(() => manager.getToken({ resource: shared.files }, credentials)),
  );
  const tokens = await Promise.all(calls);
  expect(new Set(tokens.map(({ access_token }) => access_token))).toEqual(new Set(['files-2']));
  expect(grantsAt(shared)).toEqual(['authorization_code', 'refresh_token']);
});

it('makes one request for processes that need the token of the second resource at the same time', async () => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  await programAt(directory).manager.getToken({ resource: shared.mail }, wide(shared));
  const results = await runTogether(3, { directory, target: { resource: shared.files }, credentials });
  expect(results).toMatchObject([1, 2, 3].map(() => ({ ok: true, access_token: 'files-2' })));
  expect(grantsAt(shared)).toEqual(['authorization_code', 'refresh_token']);
});

it.each([
  ['invalid_target', { status: 400, json: { error: 'invalid_target' } }],
  ['invalid_scope', { status: 400, json: { error: 'invalid_scope' } }],
  ['invalid_grant', { status: 400, json: { error: 'invalid_grant' } }],
  ['unauthorized_client', { status: 401, json: { error: 'unauthorized_client' } }],
])('logs in after %s, and leaves the first session as it is', async (_, refusal) => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  await programAt(directory).manager.getToken({ resource: shared.mail }, wide(shared));
  shared.refusal = refusal;
  const { manager, urls } = programAt(directory);
  expect((await manager.getToken({ resource: shared.files }, credentials)).refresh_token).toBe('refresh-2');
  expect(urls).toHaveLength(1);
  expect(new Set(storedTokens(directory).map(({ refresh_token }) => refresh_token))).toEqual(
    new Set(['refresh-1', 'refresh-2']),
  );
});

it('reports that the server is down, and asks no user', async () => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  await programAt(directory).manager.getToken({ resource: shared.mail }, wide(shared));
  shared.refusal = { status: 503 };
  const { manager, urls } = programAt(directory);
  const result = await manager.get({ resource: shared.files }, credentials);
  expect(result).toMatchObject({ ok: false, error: { code: 'http_error', status: 503 } });
  expect(JSON.stringify(result)).not.toContain('refresh-1');
  expect(urls).toEqual([]);
});

it('does not ask again while the server wants a pause', async () => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  await programAt(directory).manager.getToken({ resource: shared.mail }, wide(shared));
  shared.refusal = { status: 429, headers: { 'retry-after': '60' } };
  const { manager, urls } = programAt(directory);
  const { access_token } = await manager.getToken({ resource: shared.mail }, wide(shared));
  const rejected = { rejected: access_token };
  expect(await manager.get({ resource: shared.mail }, wide(shared), rejected)).toMatchObject({
    error: { status: 429 },
  });
  expect(await manager.get({ resource: shared.files }, credentials)).toMatchObject({ error: { status: 429 } });
  expect(grantsAt(shared)).toEqual(['authorization_code', 'refresh_token']);
  expect(urls).toEqual([]);
});

it('logs in where the client of the first session is gone', async () => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  const registered = { ...wide(shared), client_id: undefined };
  await programAt(directory).manager.getToken({ resource: shared.mail }, registered);
  const issued_to = { client_id: 'gone', source: 'registration', has_secret: true } as const;
  await changeStored(directory, (token) => ({ ...token, issued_to }));
  await programAt(directory).manager.getToken({ resource: shared.files }, {});
  expect(grantsAt(shared)).toEqual(['authorization_code', 'authorization_code']);
});

it('looks for no other session in a store that can not list its keys', async () => {
  const shared = await startShared();
  const cache = storeWithoutKeys();
  await programAt(temporaryDirectory(), { cache }).manager.getToken({ resource: shared.mail }, wide(shared));
  const { manager } = programAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect(await manager.get({ resource: shared.files }, credentials)).toMatchObject({
    error: { code: 'login_required' },
  });
});

it('does not try a resource that the login did not name: some servers use the refresh token up before they refuse it', async () => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  await programAt(directory).manager.getToken({ resource: shared.mail }, { client_id, scope: 'read write' });
  const { manager } = programAt(directory, { interaction: 'never' });
  expect(await manager.get({ resource: shared.files }, { client_id })).toMatchObject({
    ok: false,
    error: { code: 'login_required' },
  });
  expect(grantsAt(shared)).toEqual(['authorization_code']);
});

it.each<[string, Credentials]>([
  ['a scope that was not granted', { client_id, scope: 'read admin' }],
  ['another client', { client_id: 'q', scope: 'read' }],
  ['another profile', { client_id, scope: 'read', profile: 'work' }],
  ['another parameter', { client_id, scope: 'read', parameters: { tenant: 't' } }],
])('does not use the refresh token for %s', async (_, other) => {
  const directory = temporaryDirectory();
  const shared = await startShared();
  await programAt(directory).manager.getToken({ resource: shared.mail }, wide(shared));
  const { manager } = programAt(directory, { interaction: 'never' });
  const result = await manager.get({ resource: shared.files, issuer: shared.issuer }, other);
  expect(result).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(grantsAt(shared)).toEqual(['authorization_code']);
});
