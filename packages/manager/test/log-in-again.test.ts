import { createFetch } from '@oa/fetch';
import { startAuthorizationServer, startProtectedApi } from '@oa-internal/authorization-server';
import { expect, it } from 'vitest';
import type { Credentials, ManagerOptions } from '@oa/manager';
import type { Reply } from '@oa-internal/scripted-server';
import {
  agreeingBrowser,
  authorizationUrlAt,
  bearer,
  managerAt,
  startScripted,
  temporaryDirectory,
  typesOf,
} from './setup.ts';

const client_id = 'p';

/** An authorization server, an API that wants another login from every token but those in `accepted`, and a user who is logged in. */
async function startStepUp(
  options: ManagerOptions = {},
  credentials: Credentials = { client_id },
  challenge = 'acr_values="mfa"',
) {
  const { server, metadata } = await startScripted({
    '/token': (_request, index) => bearer(`token-${index + 1}`, { refresh_token: 'r' }),
  });
  const accepted = new Set<string>();
  const { server: api } = await startScripted(({ headers }) =>
    accepted.has(headers.authorization ?? '')
      ? { json: {} }
      : {
          status: 401,
          headers: { 'www-authenticate': `Bearer error="insufficient_user_authentication", ${challenge}` },
        },
  );
  const { openBrowser, urls } = agreeingBrowser();
  const directory = temporaryDirectory();
  const first = managerAt(directory, { login: { openBrowser } });
  await first.manager.getToken(metadata, credentials);
  const { manager, events } = managerAt(directory, { login: { openBrowser }, ...options });
  const source = manager.source(metadata, credentials);
  return {
    server,
    api,
    metadata,
    accepted,
    manager,
    events,
    directory,
    urls,
    openBrowser,
    source,
    fetch: createFetch(source),
  };
}

it('lets the user of a real server log in as a real API asks, once, and stores the token (RFC 9470 section 4)', async () => {
  await using server = await startAuthorizationServer();
  await using api = await startProtectedApi(server, { acr: 'mfa' });
  const directory = temporaryDirectory();
  const login = { openBrowser: (url: string): Promise<Response> => server.logIn(url) };
  // This server takes acr_values only together with openid.
  const credentials = { ...server.public, scope: 'openid offline_access read', resource: api.url };
  const { manager } = managerAt(directory, { login });
  await manager.getToken(server.issuer, credentials);
  const call = createFetch(manager.source(server.issuer, credentials));
  expect((await call(api.url)).status).toBe(200);
  expect((await call(api.url)).status).toBe(200);
  expect(api.requests.map(({ status }) => status)).toEqual([401, 200, 200]);
  expect(server.count('/token', 'authorization_code')).toBe(2);
  expect(server.count('/token', 'refresh_token')).toBe(0);
  // Another process uses the same login.
  const other = managerAt(directory, { interaction: 'never' }).manager;
  expect((await createFetch(other.source(server.issuer, credentials))(api.url)).status).toBe(200);
});

it('sends acr_values and max_age of the challenge with the login, and keeps the session of the credentials', async () => {
  const { fetch, api, accepted, urls, metadata, manager } = await startStepUp(
    {},
    undefined,
    'acr_values="mfa", max_age="300"',
  );
  accepted.add('Bearer token-2');
  expect((await fetch(api.origin)).status).toBe(200);
  expect(urls).toHaveLength(2);
  expect(urls[0]?.searchParams.has('acr_values')).toBe(false);
  expect(Object.fromEntries(urls[1]?.searchParams ?? [])).toMatchObject({ acr_values: 'mfa', max_age: '300' });
  expect(await manager.getToken(metadata, { client_id })).toMatchObject({ access_token: 'token-2' });
});

it.each([
  ['max_age="5"', { acr_values: 'silver', max_age: '5' }],
  ['acr_values="mfa"', { acr_values: 'mfa', max_age: '60' }],
])('keeps what the credentials say of the login where a challenge has only %s', async (challenge, sent) => {
  const credentials = { client_id, parameters: { acr_values: 'silver', max_age: '60' } };
  const { fetch, api, accepted, urls } = await startStepUp({}, credentials, challenge);
  accepted.add('Bearer token-2');
  expect((await fetch(api.origin)).status).toBe(200);
  expect(Object.fromEntries(urls[1]?.searchParams ?? [])).toMatchObject(sent);
});

it('shares one login among calls at once, and a call that comes late uses its token', async () => {
  const { fetch, source, api, accepted, urls } = await startStepUp();
  accepted.add('Bearer token-2');
  const answers = await Promise.all([1, 2, 3].map(() => fetch(api.origin)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(urls).toHaveLength(2);
  expect(await source({ rejected: 'token-1', acr_values: 'mfa' })).toMatchObject({ access_token: 'token-2' });
  expect(urls).toHaveLength(2);
});

it('uses what another login has stored, also where no user can be asked and while it waits', async () => {
  const { manager, metadata, source, urls } = await startStepUp();
  // Two demands at once are two logins only if the second is not met by the token of the first.
  const asked = ['mfa', 'phr'].map((acr_values) => source({ rejected: 'token-1', acr_values }));
  expect((await Promise.all(asked)).map(({ access_token }) => access_token)).toEqual(['token-2', 'token-2']);
  expect(urls).toHaveLength(2);
  const never = manager.source(metadata, { client_id }, { interaction: 'never' });
  expect(await never({ rejected: 'token-1', acr_values: 'mfa' })).toMatchObject({ access_token: 'token-2' });
});

it('makes one login, not one a request, for an API that refuses what the login gives', async () => {
  const { fetch, api, urls, metadata, directory, openBrowser, events } = await startStepUp();
  for (let calls = 0; calls < 3; calls += 1) expect((await fetch(api.origin)).status).toBe(401);
  expect(urls).toHaveLength(2);
  expect(api.requests).toHaveLength(4);
  expect(typesOf(events).filter((type) => type === 'grant_needed')).toHaveLength(1);
  // In the next process neither.
  const { manager } = managerAt(directory, { login: { openBrowser } });
  expect((await createFetch(manager.source(metadata, { client_id }))(api.origin)).status).toBe(401);
  expect(urls).toHaveLength(2);
  // Another demand is another reason.
  await manager.getToken(metadata, { client_id }, { rejected: 'token-2', acr_values: 'phr' });
  expect(urls).toHaveLength(3);
});

it('makes one login a request where the API wants each to be fresh', async () => {
  const { fetch, api, urls } = await startStepUp({}, undefined, 'max_age="0"');
  for (let calls = 1; calls <= 2; calls += 1) {
    expect((await fetch(api.origin)).status).toBe(401);
    expect(urls).toHaveLength(1 + calls);
  }
});

it.each<[string, ManagerOptions, Credentials | undefined, string]>([
  ['interaction is never', { interaction: 'never' }, undefined, "because the option interaction is 'never'"],
  ['stepUp is false', { stepUp: false }, undefined, 'because the option stepUp is false'],
  ['there is no user', {}, { client_id, client_secret: 's' }, 'This grant has no user.'],
])('makes no login where %s: the caller receives the 401', async (_, options, credentials, reason) => {
  const { fetch, source, server, api, urls } = await startStepUp(options, credentials);
  const before = urls.length;
  expect((await fetch(api.origin)).status).toBe(401);
  expect(urls).toHaveLength(before);
  expect(server.requestsTo('/token')).toHaveLength(1);
  await expect(source({ rejected: 'token-1', acr_values: 'mfa' })).rejects.toMatchObject({
    code: 'login_required',
    message: expect.stringContaining(reason),
  });
  await expect(source({ rejected: 'token-1', acr_values: 'mfa', max_age: 5 })).rejects.toThrow(
    'The resource server asks for another login (acr_values mfa, max_age 5).',
  );
});

it('makes no login for a source that asks no user', async () => {
  const { manager, metadata, api, urls } = await startStepUp();
  const fetch = createFetch(manager.source(metadata, { client_id }, { interaction: 'never' }));
  expect((await fetch(api.origin)).status).toBe(401);
  expect(urls).toHaveLength(1);
});

it('refuses a max_age that is no number of seconds', async () => {
  const { source } = await startStepUp();
  for (const max_age of [-1, 0.5, Number.NaN, 1e9, 1e21, '5' as never, '' as never])
    await expect(source({ max_age })).rejects.toThrow(
      new TypeError('options.max_age must be a whole number of seconds from 0 to 999999999.'),
    );
});

/** An API that asks for `mfa`, and a user whose server can not meet `acr_values` until `unmet` is false. */
async function startUnmet() {
  const { metadata } = await startScripted({ '/token': bearer('token-1', { refresh_token: 'r' }) });
  const asked: (string | null)[] = [];
  const started = { metadata, asked, unmet: true, api: await startScripted(() => toDemand('mfa')) };
  const openBrowser = async (startUrl: string): Promise<Response> => {
    const { searchParams } = await authorizationUrlAt(startUrl);
    const acr_values = searchParams.get('acr_values');
    asked.push(acr_values);
    const isUnmet = acr_values !== null && started.unmet;
    const answer = isUnmet ? { error: 'unmet_authentication_requirements' } : { code: 'c' };
    const query = new URLSearchParams({ ...answer, state: searchParams.get('state') ?? '' });
    return fetch(`${searchParams.get('redirect_uri')}?${query.toString()}`);
  };
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser } });
  await manager.getToken(metadata, { client_id });
  return { started, manager, source: manager.source(metadata, { client_id }) };
}

function toDemand(acr_values: string): Reply {
  const challenge = `Bearer error="insufficient_user_authentication", acr_values="${acr_values}"`;
  return { status: 401, headers: { 'www-authenticate': challenge } };
}

it('asks the user once for what the server can not meet, and another time for something else (RFC 9470 section 5)', async () => {
  const { started, source } = await startUnmet();
  const { origin } = started.api.server;
  const call = createFetch(source);
  for (let calls = 0; calls < 3; calls += 1) expect((await call(origin)).status).toBe(401);
  expect(started.asked).toEqual([null, 'mfa']);
  await expect(source({ rejected: 'token-1', acr_values: 'mfa' })).rejects.toMatchObject({
    code: 'oauth_error',
    error: 'unmet_authentication_requirements',
    message: expect.stringContaining('not asked again'),
  });
  await expect(source({ rejected: 'token-1', acr_values: 'mfa', max_age: 60 })).rejects.toThrow(
    'unmet_authentication_requirements',
  );
  expect(started.asked).toEqual([null, 'mfa', 'mfa']);
});

it('asks again for what the server could not meet after a login of the program, and not after a refresh', async () => {
  const { started, manager, source } = await startUnmet();
  const wanted = { rejected: 'token-1', acr_values: 'mfa' };
  await expect(source(wanted)).rejects.toThrow('unmet_authentication_requirements');
  await manager.getToken(started.metadata, { client_id }, { rejected: 'token-1' });
  await expect(source(wanted)).rejects.toThrow('unmet_authentication_requirements');
  expect(started.asked).toEqual([null, 'mfa']);
  expect(await manager.login(started.metadata, { client_id })).toMatchObject({ ok: true });
  await expect(source(wanted)).rejects.toThrow('unmet_authentication_requirements');
  expect(started.asked).toEqual([null, 'mfa', null, 'mfa']);
});

it('asks again for what the server could not meet after a login for another demand', async () => {
  const { started, source } = await startUnmet();
  await expect(source({ rejected: 'token-1', acr_values: 'mfa' })).rejects.toThrow('unmet_authentication_requirements');
  started.unmet = false;
  await source({ rejected: 'token-1', acr_values: 'phr' });
  await source({ rejected: 'token-1', acr_values: 'mfa' });
  expect(started.asked).toEqual([null, 'mfa', 'phr', 'mfa']);
});

it('takes empty acr_values as none: the user is not asked, and those of the credentials stay (RFC 6749 section 3.1)', async () => {
  const { source, urls, metadata, manager } = await startStepUp();
  for (const acr_values of ['', ' ']) expect(await source({ acr_values })).toMatchObject({ access_token: 'token-1' });
  expect(urls).toHaveLength(1);
  const credentials = { client_id, parameters: { acr_values: 'silver' } };
  await manager.getToken(metadata, credentials, { acr_values: ' ', max_age: 60 });
  expect(urls[1]?.searchParams.getAll('acr_values')).toEqual(['silver']);
});

it('sends no empty acr_values and max_age of the credentials or of a login of the program', async () => {
  const { metadata, manager, urls } = await startStepUp();
  const parameters = { acr_values: '', max_age: '' };
  await manager.getToken(metadata, { client_id, parameters, profile: 'other' });
  await manager.login(metadata, { client_id }, { parameters });
  expect(urls).toHaveLength(3);
  for (const { searchParams } of urls)
    expect([searchParams.has('acr_values'), searchParams.has('max_age')]).toEqual([false, false]);
});
