import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { type Reply, type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer, Client, OAuthEvent } from '@oa/types';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { awaitDeviceLogin, startDeviceLogin, type DeviceLogin } from '../src/index.ts';

const client: Client = { client_id: 'oa-test' };
const GRANTED: Reply = { json: { access_token: 'secret-access-token', token_type: 'Bearer', expires_in: 60 } };
const PENDING = refusal('authorization_pending');
const answer = {
  device_code: 'secret-device-code',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.example/device',
  verification_uri_complete: 'https://as.example/device?user_code=WDJB-MJHT',
  expires_in: 600,
};

function refusal(error: string, more: Reply = {}): Reply {
  return { status: 400, json: { error }, ...more };
}

let scripted: ScriptedServer;
let server: AuthorizationServer;
beforeEach(async () => {
  scripted = await startScriptedServer();
  const { origin } = scripted;
  server = { issuer: origin, token_endpoint: `${origin}/token`, device_authorization_endpoint: `${origin}/device` };
});
afterEach(async () => {
  vi.useRealTimers();
  await scripted.close();
});

/** Answers the polls in turn; the last one again and again. */
function pollsAnswered(...replies: Reply[]): void {
  let polls = 0;
  scripted.script({ '/device': { json: answer }, '/token': () => replies[Math.min(polls++, replies.length - 1)] });
}

describe('asking for a code', () => {
  it('sends the parameters and who the client is, and stamps the answer', async () => {
    scripted.script({ '/device': { json: { ...answer, interval: 7, extra: [1] } } });
    const started = await startDeviceLogin(
      server,
      client,
      { scope: 'read', resource: ['https://a.example', 'https://b.example'] },
      { now: () => 1_000_500 },
    );
    expect(started).toEqual({ ...answer, interval: 7, extra: [1], expires_at: 1600 });
    expect(scripted.requests[0]?.body).toBe(
      'scope=read&resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example&client_id=oa-test',
    );
    expect(scripted.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('authenticates a confidential client here as at the token endpoint', async () => {
    pollsAnswered(GRANTED);
    const confidential = { client_id: 'id', client_secret: 's+e&=%/~: x' };
    await startDeviceLogin(server, confidential);
    expect(scripted.requests[0]?.headers.authorization).toBe(`Basic ${btoa('id:s%2Be%26%3D%25%2F%7E%3A+x')}`);
    await startDeviceLogin(server, confidential, {}, { authentication: 'client_secret_post' });
    expect(scripted.requests[1]?.form.get('client_secret')).toBe('s+e&=%/~: x');
  });

  it('takes what real servers send instead', async () => {
    const { verification_uri: verification_url, verification_uri_complete: _, ...rest } = answer;
    for (const odd of [{ interval: '3' }, { interval: 3 }]) {
      scripted.script({ '/device': { json: { ...rest, verification_url, expires_in: '900', ...odd } } });
      expect(await startDeviceLogin(server, client)).toMatchObject({
        verification_uri: verification_url,
        expires_in: 900,
        interval: 3,
      });
    }
    for (const interval of [0, -1, 0.001, null, 'soon', undefined]) {
      scripted.script({
        '/device': { json: { ...answer, interval, verification_uri_complete: 'javascript:alert(1)' } },
      });
      const started = await startDeviceLogin(server, client);
      expect([started.interval, started.verification_uri_complete]).toEqual([5, undefined]);
    }
  });

  it.each([
    ['device_code', ''],
    ['device_code', undefined],
    ['user_code', undefined],
    ['user_code', '\u001B[2Jevil'],
    ['user_code', 'a\u202Eb'],
    ['verification_uri', 'javascript:alert(1)'],
    ['verification_uri', undefined],
    ['expires_in', undefined],
    ['expires_in', 0],
  ])('refuses an answer with %s %j', async (name, value) => {
    scripted.script({ '/device': { json: { ...answer, [name]: value } } });
    expect(await rejectionOf(startDeviceLogin(server, client))).toMatchObject({ code: 'invalid_response' });
  });

  it.each([
    ['oauth_error', refusal('unauthorized_client')],
    ['http_error', { status: 404 }],
    ['invalid_response', { json: [] }],
    ['unexpected_content_type', { body: '<html>', headers: { 'content-type': 'text/html' } }],
  ])('ends in %s', async (code, reply) => {
    scripted.script({ '/device': reply });
    expect(await rejectionOf(startDeviceLogin(server, client))).toMatchObject({ code });
  });

  it('is tried again while the server is busy', async () => {
    scripted.script((_, index) => (index === 0 ? { status: 503, headers: { 'retry-after': '0' } } : { json: answer }));
    expect(await startDeviceLogin(server, client)).toMatchObject({ user_code: answer.user_code });
  });

  it('needs an endpoint, a client, and parameters that are not its own', async () => {
    const { device_authorization_endpoint: _, ...none } = server;
    expect(await rejectionOf(startDeviceLogin(none as AuthorizationServer, client))).toMatchObject({
      code: 'endpoint_missing',
    });
    await expect(startDeviceLogin(server, {} as Client)).rejects.toThrow(TypeError);
    for (const name of ['client_id', 'client_secret', 'grant_type', 'device_code'])
      await expect(startDeviceLogin(server, client, { [name]: 'x' })).rejects.toThrow(`parameters.${name}`);
    expect(scripted.requests).toEqual([]);
  });
});

describe('waiting, by a fake clock', () => {
  interface Waiting {
    token: Promise<unknown>;
    events: OAuthEvent[];
    /** Lets time pass, and says how many polls have arrived since the start. */
    after: (seconds: number) => Promise<number>;
  }

  async function wait(
    started: Partial<DeviceLogin> = {},
    more: Parameters<typeof awaitDeviceLogin>[3] = {},
  ): Promise<Waiting> {
    const asked = await startDeviceLogin(server, client);
    // The first request of a process loads the network with timers of its own.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const events: OAuthEvent[] = [];
    const expires_at = Math.floor(Date.now() / 1000) + (started.expires_in ?? asked.expires_in);
    const whole = { ...asked, ...started, expires_at };
    const token = awaitDeviceLogin(server, client, whole, {
      print: () => undefined,
      onEvent: (event) => events.push(event),
      ...more,
    });
    token.catch(() => undefined);
    await settled();
    return {
      token,
      events,
      after: async (seconds) => {
        await vi.advanceTimersByTimeAsync(seconds * 1000);
        await settled();
        return scripted.requestsTo('/token').length;
      },
    };
  }

  /** Gives sockets, which no fake clock moves, time to say what they have to say. */
  async function settled(): Promise<void> {
    const end = performance.now() + 60;
    while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
  }

  it('F1: polls every 5 seconds where the server names no interval, and not at once', async () => {
    pollsAnswered(PENDING, PENDING, GRANTED);
    const { token, after } = await wait();
    expect([
      await after(0),
      await after(4.9),
      await after(0.2),
      await after(4.8),
      await after(0.2),
      await after(5),
    ]).toEqual([0, 0, 1, 1, 2, 3]);
    expect(await token).toMatchObject({ access_token: 'secret-access-token' });
    const { form } = scripted.requestsTo('/token')[0] ?? {};
    expect(Object.fromEntries(form ?? [])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'secret-device-code',
      client_id: 'oa-test',
    });
  });

  it('F2: slow_down adds 5 seconds to every later interval, each time', async () => {
    pollsAnswered(refusal('slow_down'), PENDING, refusal('slow_down'), PENDING, PENDING, GRANTED);
    const { token, after, events } = await wait();
    expect(await after(5.1)).toBe(1);
    for (const [seconds, polls] of [
      [9.8, 1],
      [0.3, 2],
      [9.8, 2],
      [0.3, 3],
      [14.8, 3],
      [0.3, 4],
      [14.8, 4],
      [0.3, 5],
      [15, 6],
    ] as const)
      expect([seconds, await after(seconds)]).toEqual([seconds, polls]);
    await token;
    expect(events.filter(({ type }) => type === 'device_slow_down')).toEqual([
      { type: 'device_slow_down', interval: 10 },
      { type: 'device_slow_down', interval: 15 },
    ]);
  });

  it.each(['access_denied', 'expired_token', 'invalid_grant', 'invalid_client', 'anything_else'])(
    'F3: %s ends it',
    async (error) => {
      pollsAnswered(PENDING, refusal(error));
      const { token, after } = await wait();
      await after(5);
      await after(5);
      expect(await rejectionOf(token)).toMatchObject({ code: 'oauth_error', error });
      expect(await after(600)).toBe(2);
    },
  );

  it('F4: a connection that breaks doubles the wait, until the server answers again', async () => {
    const drop: Reply = { drop: 'request' };
    pollsAnswered(drop, drop, PENDING, GRANTED);
    const { token, after } = await wait();
    expect(await after(5.1)).toBe(1);
    for (const [seconds, polls] of [
      [9.8, 1],
      [0.3, 2],
      [19.7, 2],
      [0.4, 3],
      [5.1, 4],
    ] as const)
      expect([seconds, await after(seconds)]).toEqual([seconds, polls]);
    await token;
  });

  it('F4: so does a server that never answers; the wait grows to a minute, not further', async () => {
    pollsAnswered(
      { drop: 'never' },
      { drop: 'never' },
      { drop: 'never' },
      { drop: 'never' },
      { drop: 'never' },
      GRANTED,
    );
    const { token, after } = await wait({ expires_in: 6000 }, { timeout: 1000 });
    expect(await after(5.1)).toBe(1);
    for (const wait of [10, 20, 40, 60, 60]) {
      const polls = await after(1);
      expect(await after(wait - 2)).toBe(polls);
      expect(await after(2)).toBe(polls + 1);
    }
    await token;
  });

  it('Retry-After is kept where it is longer', async () => {
    pollsAnswered(
      { status: 429, headers: { 'retry-after': '42' } },
      refusal('slow_down', { headers: { 'retry-after': '60' } }),
      GRANTED,
    );
    const { token, after } = await wait();
    expect([await after(5.1), await after(41.5), await after(0.6), await after(59.5), await after(0.6)]).toEqual([
      1, 1, 2, 2, 3,
    ]);
    await token;
  });

  it('F6: stops when the code has expired', async () => {
    pollsAnswered(PENDING);
    const { token, after } = await wait({ expires_in: 17 });
    expect([await after(5.1), await after(5.1), await after(5.1), await after(1.6), await after(0.2)]).toEqual([
      1, 2, 3, 3, 3,
    ]);
    const error = await rejectionOf(token);
    expect(error).toMatchObject({ code: 'login_timeout' });
    expect(error.message).toBe('Nobody entered the code within 17 seconds. Start again with a new one.');
  });

  it('F6: an expired code is never sent', async () => {
    pollsAnswered(GRANTED);
    const { token, after } = await wait({ expires_in: -1 });
    expect(await after(10)).toBe(0);
    expect(await rejectionOf(token)).toMatchObject({ code: 'login_timeout' });
  });

  it('an abort ends the wait at once, with the reason of the signal', async () => {
    pollsAnswered(PENDING);
    const controller = new AbortController();
    const { token, after } = await wait({}, { signal: controller.signal });
    await after(7);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(token).rejects.toBe(reason);
    expect(await after(60)).toBe(1);
    const late = await wait({}, { signal: controller.signal });
    await expect(late.token).rejects.toBe(reason);
    expect(late.events).toEqual([]);
  });
});

it('a real server: the person approves on another device', async () => {
  await using real = await startAuthorizationServer();
  const { issuer } = real;
  const known = {
    issuer,
    token_endpoint: `${issuer}/token`,
    device_authorization_endpoint: `${issuer}/device_authorization`,
  };
  const started = await startDeviceLogin(known, real.public, { scope: 'openid read' });
  const token = awaitDeviceLogin(known, real.public, { ...started, interval: 0.05 }, { print: () => undefined });
  await vi.waitFor(() => expect(real.count('/token')).toBeGreaterThan(1), { timeout: 10_000 });
  await real.approveDevice(started.verification_uri_complete ?? '');
  expect(await real.introspect((await token).access_token)).toMatchObject({ sub: 'ada' });
});

it('a real server: the person denies', async () => {
  await using real = await startAuthorizationServer();
  const { issuer } = real;
  const known = {
    issuer,
    token_endpoint: `${issuer}/token`,
    device_authorization_endpoint: `${issuer}/device_authorization`,
  };
  const started = await startDeviceLogin(known, real.public);
  await real.approveDevice(started.verification_uri_complete ?? '', { deny: true });
  const ended = awaitDeviceLogin(known, real.public, { ...started, interval: 0.05 }, { print: () => undefined });
  expect(await rejectionOf(ended)).toMatchObject({ code: 'oauth_error', error: 'access_denied' });
});

it('an interval longer than a timer can be is not polled without any', async () => {
  pollsAnswered(PENDING, PENDING, PENDING);
  const endless = { ...answer, interval: 1e9, expires_in: 1e12, expires_at: 1e13 };
  const options = { print: () => undefined, signal: AbortSignal.timeout(100) };
  await expect(awaitDeviceLogin(server, client, endless, options)).rejects.toThrow('timeout');
  expect(scripted.requestsTo('/token')).toEqual([]);
});

it('a login that was not started is a TypeError', async () => {
  for (const wrong of [undefined, {}, { ...answer, interval: 5 }, { ...answer, expires_at: 1, interval: 0 }])
    await expect(awaitDeviceLogin(server, client, wrong as never)).rejects.toThrow(TypeError);
});

it('F7: nothing is asked for unless startDeviceLogin is called', async () => {
  await import('@oa/device-code');
  expect(scripted.requests).toEqual([]);
  const manifest = readFileSync(new URL('../../pkce/package.json', import.meta.url), 'utf8');
  // A browser login does not turn into a device login behind the person's back: it does not even know it.
  expect(manifest).not.toContain('@oa/device-code');
});

it('F8: the README says that a device login can be phished, and what to prefer', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(readme).toMatch(/phish/i);
  expect(readme).toContain('@oa/loopback');
});

it('G2: no error and no event shows the device code or a token', async () => {
  const events: OAuthEvent[] = [];
  const echo = 'secret-device-code';
  const replies: Reply[] = [
    refusal('access_denied', { json: { error: 'access_denied', error_description: echo } }),
    { json: { access_token: { secret: 'secret-access-token' }, secret: echo } },
    { body: echo },
  ];
  for (const reply of replies) {
    pollsAnswered(PENDING, refusal('slow_down'), reply);
    const started = await startDeviceLogin(server, client);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const ended = rejectionOf(
      awaitDeviceLogin(
        server,
        client,
        { ...started, interval: 0.01 },
        { print: () => undefined, onEvent: (event) => events.push(event) },
      ),
    );
    while (scripted.requestsTo('/token').length % 3 !== 0 || scripted.requestsTo('/token').length === 0)
      await vi.advanceTimersByTimeAsync(1000);
    const error = await ended;
    vi.useRealTimers();
    scripted.requests.length = 0;
    expect(
      [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error), error.message, error.stack].join(),
    ).not.toMatch(/secret-(device-code|access-token)/);
  }
  expect(JSON.stringify(events)).not.toContain('secret');
});
