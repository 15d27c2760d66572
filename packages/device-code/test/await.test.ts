import { type Reply, type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { awaitDeviceLogin, startDeviceLogin, type DeviceLogin, type DeviceLoginOptions } from '@oa/device-code';
import { requestToken } from '@oa/token-endpoint';
import type { AuthorizationServer, OAuthEvent } from '@oa/types';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answerPolls, authorization, client, GRANTED, metadataOf, PENDING, refusal } from './setup.ts';

let scripted: ScriptedServer;
let server: AuthorizationServer;
beforeEach(async () => {
  scripted = await startScriptedServer();
  server = metadataOf(scripted);
});
afterEach(async () => {
  vi.useRealTimers();
  await scripted.close();
});

describe('awaitDeviceLogin, with a fake clock', () => {
  interface Waiting {
    token: Promise<unknown>;
    events: OAuthEvent[];
    /** Lets time pass, and returns how many polls have arrived since the start. */
    after: (seconds: number) => Promise<number>;
  }

  async function wait(started: Partial<DeviceLogin> = {}, more: DeviceLoginOptions = {}): Promise<Waiting> {
    const asked = await startDeviceLogin(server, client);
    // The first request of a process loads the network with timers of its own, and the first refusal what explains it.
    const gone = { ...server, token_endpoint: `${scripted.origin}/gone` };
    await rejectionOf(requestToken(gone, client, { grant_type: 'urn:example:none' }));
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
    await socketsSettled();
    return {
      token,
      events,
      after: async (seconds) => {
        await vi.advanceTimersByTimeAsync(seconds * 1000);
        await socketsSettled();
        return scripted.requestsTo('/token').length;
      },
    };
  }

  /** Gives sockets time to deliver what they have: no fake clock moves them. */
  async function socketsSettled(): Promise<void> {
    const end = performance.now() + 60;
    while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
  }

  it.each<[string, Reply, string]>([
    ['the requested scope, if the server names none (RFC 6749 section 5.1)', GRANTED, 'read write'],
    ['the scope of the server', { json: { access_token: 'at', token_type: 'Bearer', scope: 'read' } }, 'read'],
  ])('returns a token with %s', async (_, reply, scope) => {
    answerPolls(scripted, reply);
    const { token, after } = await wait({ scope: 'read write' });
    await after(5);
    expect(await token).toMatchObject({ scope });
  });

  it('polls every 5 seconds where the server names no interval, the first time after 5 seconds (RFC 8628 section 3.2)', async () => {
    answerPolls(scripted, PENDING, PENDING, GRANTED);
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

  it('adds 5 seconds to every later interval after each slow_down (RFC 8628 section 3.5)', async () => {
    answerPolls(scripted, refusal('slow_down'), PENDING, refusal('slow_down'), PENDING, PENDING, GRANTED);
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
    'ends with %s (RFC 8628 section 3.5)',
    async (error) => {
      answerPolls(scripted, PENDING, refusal(error));
      const { token, after } = await wait();
      await after(5);
      await after(5);
      expect(await rejectionOf(token)).toMatchObject({ code: 'oauth_error', error });
      expect(await after(600)).toBe(2);
    },
  );

  it('doubles the wait after a broken connection until the server answers again (RFC 8628 section 3.5)', async () => {
    const drop: Reply = { drop: 'request' };
    answerPolls(scripted, drop, drop, PENDING, GRANTED);
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

  it('doubles the wait after a timeout, up to a minute (RFC 8628 section 3.5)', async () => {
    answerPolls(
      scripted,
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

  it('waits for a longer Retry-After', async () => {
    answerPolls(
      scripted,
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

  it('ends when the code has expired (RFC 8628 section 3.2)', async () => {
    answerPolls(scripted, PENDING);
    const { token, after } = await wait({ expires_in: 17 });
    expect([await after(5.1), await after(5.1), await after(5.1), await after(1.6), await after(0.2)]).toEqual([
      1, 2, 3, 3, 3,
    ]);
    const error = await rejectionOf(token);
    expect(error).toMatchObject({ code: 'login_timeout' });
    expect(error.message).toBe('You did not enter the code within 17 seconds. Log in again to get a new code.');
  });

  it('says that the server could not be asked, and not that the user was slow, if the code expires then', async () => {
    answerPolls(scripted, { status: 503, headers: { 'retry-after': '6' } });
    const { token, after } = await wait({ expires_in: 17 });
    for (let second = 0; second < 18; second += 1) await after(1);
    expect((await rejectionOf(token)).message).toMatch(
      /^The code expired after 17 seconds, and the last question for the token failed\. http\S+ answered with status 503\. .* Log in again to get a new code\.$/,
    );
  });

  it('never sends an expired code (RFC 8628 section 3.2)', async () => {
    answerPolls(scripted, GRANTED);
    const { token, after } = await wait({ expires_in: -1 });
    expect(await after(10)).toBe(0);
    expect(await rejectionOf(token)).toMatchObject({ code: 'login_timeout' });
  });

  it('rejects at once with the reason of the signal', async () => {
    answerPolls(scripted, PENDING);
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

it('shows the code on stderr, or by print, and all of it in an event', async () => {
  const complete = { ...authorization, expires_at: 2_000_000_000, interval: 5 };
  const { expires_at: _, device_code: _d, ...told } = complete;
  answerPolls(scripted, GRANTED);
  const quick = { ...complete, interval: 0.01 };
  const events: OAuthEvent[] = [];
  const printed: string[] = [];
  await awaitDeviceLogin(server, { client_id: 'x' }, quick, {
    print: (text) => printed.push(text),
    onEvent: (event) => events.push(event),
  });
  expect(printed.join('')).toContain('WDJB-MJHT');
  expect(events).toEqual([{ type: 'device_waiting', ...told, interval: 0.01 }]);

  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await awaitDeviceLogin(server, { client_id: 'x' }, quick);
  const said = write.mock.calls.map(([text]) => String(text)).join('');
  write.mockRestore();
  expect(said).toContain('WDJB-MJHT');
  expect(said).not.toContain('secret-device-code');
});

it('does not poll at once for an interval that is longer than a timer can count', async () => {
  answerPolls(scripted, PENDING, PENDING, PENDING);
  const endless = { ...authorization, interval: 1e9, expires_in: 1e12, expires_at: 1e13 };
  const options = { print: () => undefined, signal: AbortSignal.timeout(100) };
  await expect(awaitDeviceLogin(server, client, endless, options)).rejects.toThrow('timeout');
  expect(scripted.requestsTo('/token')).toEqual([]);
});

it('rejects a login that was not started with a TypeError', async () => {
  for (const wrong of [
    undefined,
    {},
    { ...authorization, interval: 5 },
    { ...authorization, expires_at: 1, interval: 0 },
  ])
    await expect(awaitDeviceLogin(server, client, wrong as never)).rejects.toThrow(TypeError);
});

it('shows neither the device code nor a token in an error or an event', async () => {
  const events: OAuthEvent[] = [];
  const echo = 'secret-device-code';
  const replies: Reply[] = [
    refusal('access_denied', { json: { error: 'access_denied', error_description: echo } }),
    { json: { access_token: { secret: 'secret-access-token' }, secret: echo } },
    { body: echo },
  ];
  for (const reply of replies) {
    answerPolls(scripted, PENDING, refusal('slow_down'), reply);
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
    expect(inspectAll(error)).not.toMatch(/secret-(device-code|access-token)/);
  }
  expect(JSON.stringify(events)).not.toContain('secret');
});
