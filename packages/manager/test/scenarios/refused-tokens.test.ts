// An API that refuses every token, and servers whose tokens have no lifetime.
import { createFetch } from '@oa/fetch';
import { tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import {
  startScriptedServer,
  type RecordedRequest,
  type Reply,
  type ScriptedServer,
} from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { agreeingBrowser, aged, bearer, managerAt, startScripted, temporaryDirectory } from '../setup.ts';

const job = { client_id: 'c', client_secret: 's' };
const user = { client_id: 'p' };

async function startRefusingApi(challenge: string | undefined): Promise<ScriptedServer> {
  const headers: Record<string, string> = challenge === undefined ? {} : { 'www-authenticate': challenge };
  const api = await startScriptedServer(() => ({ status: 401, headers, body: 'no role' }));
  onTestFinished(() => api.close());
  return api;
}

/** A logged-in user, with or without a refresh token, whose access token is an hour old. */
function loggedInCache(issuer: string, more: { refresh_token?: string }): Map<string, Token> {
  const token = aged({ access_token: 'old', token_type: 'Bearer', ...more }, 3600);
  const key = tokenKey({ issuer, grant_type: 'authorization_code', ...user });
  return new Map([[key, { ...token, expires_in: 7200 }]]);
}

const CHALLENGES: [string, string | undefined][] = [
  ['no challenge', undefined],
  ['a bare challenge', 'Bearer realm="api"'],
  ['invalid_token', 'Bearer error="invalid_token"'],
  ['invalid_request', 'Bearer error="invalid_request"'],
  ["an error of the API's own", 'Bearer error="token_expired"'],
  ['a challenge of another scheme', 'Basic realm="api"'],
];

it.each(CHALLENGES)(
  'costs one grant of a job, not one for each call, at an API that always answers 401 with %s',
  async (_, challenge) => {
    const api = await startRefusingApi(challenge);
    const { server, metadata } = await startScripted({
      '/token': (_request: unknown, index: number) => bearer(`t${index}`),
    });
    const { manager } = managerAt(temporaryDirectory());
    const call = createFetch(manager.source(metadata, job));
    for (let calls = 0; calls < 5; calls += 1) {
      const response = await call(api.origin);
      expect([response.status, await response.text()]).toEqual([401, 'no role']);
    }
    // The first token, and one more.
    expect(server.requests).toHaveLength(2);
  },
);

it.each(CHALLENGES)(
  'costs one refresh of a user and opens no browser at an API that always answers 401 with %s',
  async (_, challenge) => {
    const api = await startRefusingApi(challenge);
    const { server, metadata } = await startScripted({
      '/token': (_request: unknown, index: number) => bearer(`t${index}`),
    });
    const { openBrowser, urls } = agreeingBrowser();
    const cache = loggedInCache(metadata.issuer, { refresh_token: 'r' });
    const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser } });
    const call = createFetch(manager.source(metadata, user));
    for (let calls = 0; calls < 5; calls += 1) expect((await call(api.origin)).status).toBe(401);
    expect(server.requests).toHaveLength(1);
    expect(urls).toEqual([]);
  },
);

it.each([
  ['a job', job],
  ['a user', user],
])(
  'costs one renewal in 10 processes of %s, not one in each, at an API that always answers 401',
  async (name, credentials) => {
    const api = await startRefusingApi(undefined);
    const { server, metadata } = await startScripted({
      '/token': (_request: unknown, index: number) => bearer(`t${index}`, { refresh_token: `r${index}` }),
    });
    const directory = temporaryDirectory();
    const { openBrowser, urls } = agreeingBrowser();
    for (let processes = 0; processes < 10; processes += 1) {
      const { manager } = managerAt(directory, { interaction: 'always', login: { openBrowser } });
      expect((await createFetch(manager.source(metadata, credentials))(api.origin)).status).toBe(401);
    }
    // The first token, and one more.
    expect(server.requests).toHaveLength(2);
    expect(urls).toHaveLength(name === 'a user' ? 1 : 0);
  },
);

it('opens no browser for a bare 401 where there is no refresh token, and returns the answer of the API', async () => {
  const { metadata } = await startScripted({ '/token': bearer('new') });
  const { openBrowser, urls } = agreeingBrowser();
  const cache = loggedInCache(metadata.issuer, {});
  const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser } });
  for (const challenge of CHALLENGES.flatMap(([name, each]) => (name === 'invalid_token' ? [] : [each]))) {
    const api = await startRefusingApi(challenge);
    // As a program passes an option of its own on.
    const call = createFetch(manager.source(metadata, user, { interaction: undefined }));
    for (let calls = 0; calls < 3; calls += 1) expect((await call(api.origin)).status).toBe(401);
  }
  expect(urls).toEqual([]);
});

it('asks the user once, not twice in a row, where the API calls every token invalid', async () => {
  const api = await startRefusingApi('Bearer error="invalid_token"');
  const { metadata } = await startScripted({ '/token': bearer('new') });
  const { openBrowser, urls } = agreeingBrowser();
  const cache = loggedInCache(metadata.issuer, {});
  const { manager } = managerAt(temporaryDirectory(), { cache, login: { openBrowser } });
  const call = createFetch(manager.source(metadata, user));
  for (let calls = 0; calls < 3; calls += 1) expect((await call(api.origin)).status).toBe(401);
  expect(urls).toHaveLength(1);
});

it('renews a token that the API refuses a second time, a minute after it was renewed', async () => {
  const { server, metadata } = await startScripted({
    '/token': (_request: unknown, index: number) => bearer(`t${index}`),
  });
  let time = Date.now();
  const { manager } = managerAt(temporaryDirectory(), { now: () => time });
  const first = await manager.getToken(metadata, job);
  const second = await manager.getToken(metadata, job, { rejected: first.access_token });
  expect(await manager.get(metadata, job, { rejected: second.access_token })).toMatchObject({
    ok: false,
    error: { code: 'token_rejected' },
  });
  time += 60_001;
  const third = await manager.getToken(metadata, job, { rejected: second.access_token });
  expect(third.access_token).not.toBe(second.access_token);
  expect(server.requests).toHaveLength(3);
});

it.each([0, -1])(
  'does not ask the user twice for a token with an expires_in of %i; the API decides (RFC 6749 section 5.1)',
  async (expires_in) => {
    const { metadata } = await startScripted({ '/token': bearer('a', { expires_in }) });
    const { openBrowser, urls } = agreeingBrowser();
    const directory = temporaryDirectory();
    for (let processes = 0; processes < 2; processes += 1) {
      const { manager } = managerAt(directory, { login: { openBrowser } });
      for (let calls = 0; calls < 2; calls += 1)
        expect((await manager.getToken(metadata, user)).access_token).toBe('a');
    }
    expect(urls).toHaveLength(1);
  },
);

it.each<[string, Reply]>([
  ['invalid_grant', { status: 400, json: { error: 'invalid_grant' } }],
  ['an empty 400', { status: 400 }],
])(
  'does not ask the user twice for tokens with an expires_in of 0 and a refresh token that is refused with %s',
  async (_, refusal) => {
    const { metadata } = await startScripted({
      '/token': ({ form }: RecordedRequest) =>
        form.has('refresh_token') ? refusal : bearer('a', { expires_in: 0, refresh_token: 'r' }),
    });
    const { openBrowser, urls } = agreeingBrowser();
    const directory = temporaryDirectory();
    for (let processes = 0; processes < 3; processes += 1) {
      const { manager } = managerAt(directory, { interaction: 'always', login: { openBrowser } });
      expect((await manager.getToken(metadata, user)).access_token).toBe('a');
    }
    expect(urls).toHaveLength(1);
    // Where the API refuses it, a new login may help.
    const { manager } = managerAt(directory, { interaction: 'never' });
    expect(await manager.get(metadata, user, { rejected: 'a' })).toMatchObject({ ok: false });
  },
);

it.each([0, -1])('takes an expires_in of %i literally where no user is needed', async (expires_in) => {
  const { server, metadata } = await startScripted({ '/token': bearer('a', { expires_in }) });
  const { manager } = managerAt(temporaryDirectory());
  for (let calls = 0; calls < 3; calls += 1) await manager.getToken(metadata, job);
  expect(server.requests).toHaveLength(3);
});
