import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canAskPerson } from '../src/index.ts';
import { arrive, begin, callback, grantTokens, metadata, send, type Answer } from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

/** What every answer of the receiver has to be like, whatever was asked. */
function expectInert({ headers, body }: Answer): void {
  expect(headers['cache-control']).toBe('no-store');
  expect(headers['referrer-policy']).toBe('no-referrer');
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['set-cookie']).toBeUndefined();
  expect(body).not.toMatch(/<script|https?:|\/\/|@import|url\(/i);
}

it('logs in through a real authorization server', async () => {
  await using real = await startAuthorizationServer();
  const server = { ...metadata({ origin: real.issuer }), authorization_response_iss_parameter_supported: true };
  const { token, events } = begin(
    server,
    { scope: 'openid read', resource: real.resource },
    { client: real.public, openBrowser: async (url) => expect((await real.logIn(url)).status).toBe(200) },
  );
  expect(await real.introspect((await token).access_token)).toMatchObject({ sub: 'ada', aud: real.resource });
  expect(real.count('/token', 'authorization_code')).toBe(1);
  expect(events.map((event) => event.type)).toEqual(['login_waiting', 'callback_received', 'code_exchanged']);
});

it('B8: a real denial is an error with the real reason, and the page says so', async () => {
  await using real = await startAuthorizationServer();
  const page = Promise.withResolvers<string>();
  const { token } = begin(
    { ...metadata({ origin: real.issuer }), authorization_response_iss_parameter_supported: true },
    { scope: 'read' },
    {
      client: real.public,
      openBrowser: async (url) => page.resolve(await (await real.logIn(url, { deny: true })).text()),
    },
  );
  expect(await rejectionOf(token)).toMatchObject({ code: 'oauth_error', error: 'access_denied' });
  expect(await page.promise).toContain('<h1>Login denied</h1>');
  expect(await page.promise).toContain('<code>access_denied</code>');
  expect(real.count('/token')).toBe(0);
});

describe('B1: only loopback', () => {
  it('no other address of this machine answers', async () => {
    const { waiting, token } = begin(metadata(scripted));
    const { port } = new URL((await waiting).redirect_uri);
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((each) => each?.internal === false);
    for (const other of others) await expect(canConnect(other?.address ?? '', Number(port))).resolves.toBe(false);
    await arrive(callback(await waiting, { code: 'c' }));
    await token;
  });

  it.skipIf(process.platform !== 'linux')('the kernel lists 127.0.0.1 and ::1 (Linux only: /proc/net)', async () => {
    const { waiting, token } = begin(metadata(scripted));
    const { port } = new URL((await waiting).redirect_uri);
    const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
    const listening = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /gm)]
        .filter(([, , local]) => local === hex)
        .map(([, address]) => address),
    );
    expect(listening).toContain('0100007F');
    expect(
      listening.filter((address) => address !== '0100007F' && address !== '00000000000000000000000001000000'),
    ).toEqual([]);
    await arrive(callback(await waiting, { code: 'c' }));
    await token;
  });
});

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const end = (connected: boolean) => (): void => {
      socket.destroy();
      resolve(connected);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

it('B4: before the callback nothing that is served tells anything about the login', async () => {
  const { waiting, token } = begin(metadata(scripted));
  const { url, redirect_uri } = await waiting;
  const { origin } = new URL(redirect_uri);
  const secrets = ['state', 'code_challenge', 'client_id'].map((name) => new URL(url).searchParams.get(name) ?? '');
  for (const path of [
    '/',
    '/callback',
    '/callback/done',
    '/done',
    '/favicon.ico',
    '/robots.txt',
    '/.well-known/x',
    '/?code=1',
  ]) {
    const answer = await send(origin + path);
    expect([path, answer.status]).toEqual([path, path === '/callback' ? 400 : 404]);
    expectInert(answer);
    const all = JSON.stringify(answer);
    for (const secret of [...secrets, scripted.origin]) expect(all).not.toContain(secret);
  }
  await arrive(callback(await waiting, { code: 'c' }));
  await token;
});

it('B5: exactly the path of the redirect URI, and GET only', async () => {
  const { waiting, token, events } = begin(metadata(scripted));
  const url = callback(await waiting, { code: 'c' });
  const paths = [
    '/Callback',
    '/callback/',
    '//callback',
    '/callback/..',
    '/x/../callback',
    '/%63allback',
    '/callback;a',
    '/callback%3F',
    '/callbackx',
    '*',
    url.href,
    'http://evil.example/callback',
  ];
  for (const path of paths) {
    const answer = await send(url.origin, { path: path === url.href ? path : `${path}${url.search}` });
    expect([path, answer.status]).toEqual([path, 404]);
  }
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
    const answer = await send(url, { method });
    expect([method, answer.status]).toEqual([method, 405]);
    expect(answer.headers.allow).toBe('GET');
    expect((await send(new URL('/favicon.ico', url), { method })).status).toBe(404);
  }
  expect(events.filter((event) => event.type === 'callback_ignored')).toHaveLength(paths.length + 14);
  expect((await arrive(url)).last.status).toBe(200);
  await token;
});

it('a request with the name of another host is refused (DNS rebinding)', async () => {
  const { waiting, token, events } = begin(metadata(scripted));
  const url = callback(await waiting, { code: 'c' });
  for (const host of [
    'evil.example',
    `evil.example:${url.port}`,
    '127.0.0.1',
    '127.0.0.1:1',
    `0.0.0.0:${url.port}`,
    `127.0.0.1.evil.example:${url.port}`,
  ])
    expect([host, (await send(url, { headers: { host } })).status]).toEqual([host, 404]);
  expect(events.filter((event) => event.type === 'callback_ignored').map(({ reason }) => reason)).toEqual(
    Array(6).fill('host'),
  );
  expect((await send(url, { headers: { host: `localhost:${url.port}` } })).status).toBe(303);
  await send(new URL('/callback/done', url));
  await token;
});

it('B6, B7: 100 forged callbacks and a favicon are answered, counted and ignored; then the good one is taken', async () => {
  scripted.requests.length = 0;
  const { waiting, token, events, printed } = begin(metadata(scripted));
  const good = callback(await waiting, { code: 'good' });
  const { state = '' } = Object.fromEntries(good.searchParams);
  const queries = [
    '',
    '?',
    '?code=x',
    '?error=access_denied',
    `?state=${state}&state=${state}&code=x`,
    `?state=${state}x&code=x`,
    `?State=${state}&code=x`,
    '?state=&code=x',
    '?state=%00',
    '?state=%',
  ];
  for (let i = 0; i < 100; i++) {
    const answer = await send(`${good.origin}/callback${queries[i % queries.length]}`);
    expect(answer.status).toBe(400);
    expectInert(answer);
    expect(answer.body).toContain('This login has expired');
  }
  expect((await send(new URL('/favicon.ico', good))).status).toBe(404);
  const ignored = events.filter((event) => event.type === 'callback_ignored');
  expect(ignored).toHaveLength(101);
  expect(ignored[99]).toEqual({ type: 'callback_ignored', reason: 'state', count: 100 });
  expect(ignored[100]).toEqual({ type: 'callback_ignored', reason: 'path', count: 101 });
  expect(printed.filter((text) => text.startsWith('Ignored'))).toEqual([
    'Ignored 1 request that did not belong to this login.\n',
    'Ignored 10 requests that did not belong to this login.\n',
    'Ignored 100 requests that did not belong to this login.\n',
  ]);
  await arrive(good);
  await token;
  expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['good']);
});

it('A5: the state is used once: a second callback comes too late', async () => {
  const { waiting, token } = begin(metadata(scripted));
  const good = callback(await waiting, { code: 'first' });
  expect((await send(good)).status).toBe(303);
  const second = await send(callback(await waiting, { code: 'second' }));
  expect(second.status).toBe(400);
  expect(second.body).toContain('This login has expired');
  await send(new URL('/callback/done', good));
  await token;
  expect(scripted.requests.at(-1)?.form.get('code')).toBe('first');
});

describe('B8, B10: a refusal', () => {
  it('is shown escaped, and nothing else of the request is', async () => {
    const { waiting, token } = begin(metadata(scripted));
    const attack = `</p><script>alert(1)</script><img src=x onerror="alert(1)">'&amp;`;
    const url = callback(await waiting, {
      error: 'server_error',
      error_description: attack,
      error_uri: 'https://evil.example',
      next: 'https://evil.example',
    });
    const { first, last, lastUrl } = await arrive(url);
    expect(first.body).toBe('');
    expect(last.status).toBe(400);
    expectInert(last);
    expect(last.body).toContain('<h1>Login failed</h1>');
    expect(last.body).toContain('<code>server_error</code>');
    expect(last.body).toContain('&#60;script&#62;alert(1)');
    expect(last.body).not.toMatch(/<script|<img|evil\.example/);
    expect(lastUrl.href).toBe(`${url.origin}/callback/done`);
    expect(await rejectionOf(token)).toMatchObject({ code: 'oauth_error', error: 'server_error' });
  });

  it.each([
    ['issuer_mismatch', { code: 'secret-code', iss: 'https://evil.example' }],
    ['invalid_callback', { code: '' }],
  ])('%s ends the login with its own page', async (code, parameters) => {
    scripted.requests.length = 0;
    const { waiting, token } = begin(metadata(scripted));
    const { last } = await arrive(callback(await waiting, parameters));
    expect(last.body).toContain('<h1>Login failed</h1>');
    expect(last.body).not.toMatch(/secret-code|evil\.example/);
    const error = await rejectionOf(token);
    expect(error).toMatchObject({ code });
    expect(inspectAll(error)).not.toContain('secret-code');
    expect(scripted.requests).toEqual([]);
  });

  it('a missing iss where the server announces it is one', async () => {
    const { waiting, token } = begin(metadata(scripted, { authorization_response_iss_parameter_supported: true }));
    await arrive(callback(await waiting, { code: 'c' }));
    expect(await rejectionOf(token)).toMatchObject({ code: 'issuer_mismatch' });
  });
});

it('B10: no script, nothing from elsewhere, a strict policy, and the code leaves the address bar', async () => {
  const { waiting, token } = begin(metadata(scripted));
  const { first, last, lastUrl } = await arrive(callback(await waiting, { code: 'secret-code' }));
  expect(first.status).toBe(303);
  expect(first.headers.location).toBe('/callback/done');
  for (const answer of [first, last]) expectInert(answer);
  expect(lastUrl.search).toBe('');
  expect(last.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(last.headers['content-security-policy']).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  );
  expect(last.body).toContain('<html lang="en">');
  expect(last.body).toContain('<h1>Login received</h1>');
  expect(last.body).not.toContain('secret-code');
  await token;
});

it('B11: the redirect goes to a fixed place, whatever the request asks for', async () => {
  const { waiting, token } = begin(metadata(scripted));
  const url = callback(await waiting, {
    code: 'c',
    next: '//evil.example',
    redirect_uri: 'https://evil.example',
    return_to: '/x',
  });
  expect(
    (await send(url, { headers: { referer: 'https://evil.example', 'x-forwarded-host': 'evil.example' } })).headers
      .location,
  ).toBe('/callback/done');
  await send(new URL('/callback/done', url));
  await token;
});

describe('B9: the port', () => {
  it('is open before the browser starts, and closed when the token request is made', async () => {
    let atToken: boolean | undefined;
    let port = 0;
    scripted.script(async () => {
      atToken = await canConnect('127.0.0.1', port);
      return { json: { access_token: 'a', token_type: 'Bearer' } };
    });
    let openAtStart: boolean | undefined;
    const { waiting, token } = begin(
      metadata(scripted),
      {},
      {
        openBrowser: async (url) => {
          port = Number(new URL(new URL(url).searchParams.get('redirect_uri') ?? '').port);
          openAtStart = await canConnect('127.0.0.1', port);
          await arrive(callback(await waiting, { code: 'c' }));
        },
      },
    );
    await token;
    expect([openAtStart, atToken, await canConnect('127.0.0.1', port)]).toEqual([true, false, false]);
    grantTokens(scripted);
  });

  it('is closed although connections are open that say nothing, or only half of a request', async () => {
    const { waiting, token } = begin(metadata(scripted));
    const { port, hostname } = new URL((await waiting).redirect_uri);
    const sockets = [
      '',
      'GET /callback HTTP/1.1\r\nHost:',
      'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n',
    ].map((text) => {
      const socket = connect(Number(port), hostname);
      if (text !== '') socket.write(text);
      return new Promise<void>((resolve) => {
        socket.once('close', () => resolve()).on('error', () => socket.destroy());
        socket.resume();
      });
    });
    await arrive(callback(await waiting, { code: 'c' }));
    await token;
    await Promise.all(sockets);
    expect(await canConnect(hostname, Number(port))).toBe(false);
  });

  it('is closed if the last page is never fetched', async () => {
    const { waiting, token } = begin(metadata(scripted));
    const url = callback(await waiting, { code: 'c' });
    await send(url);
    await token;
    expect(await canConnect('127.0.0.1', Number(url.port))).toBe(false);
  });
});

describe('B12: a login ends', () => {
  it('after its timeout, with a hint at the usual causes', async () => {
    const { waiting, token, events } = begin(metadata(scripted), {}, { timeout: 300 });
    const { redirect_uri, expires_in } = await waiting;
    expect(expires_in).toBe(0.3);
    const error = await rejectionOf(token);
    expect(error).toMatchObject({ code: 'login_timeout', retryable: false });
    expect(error.message).toContain(`not registered (this login used ${redirect_uri})`);
    expect(error.message).toContain('unknown scope');
    expect(await canConnect('127.0.0.1', Number(new URL(redirect_uri).port))).toBe(false);
    expect(events.map((event) => event.type)).toEqual(['login_waiting']);
  });

  it('when it is aborted, with the reason of the signal', async () => {
    const controller = new AbortController();
    const { waiting, token } = begin(metadata(scripted), {}, { signal: controller.signal });
    const { redirect_uri } = await waiting;
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(token).rejects.toBe(reason);
    expect(await canConnect('127.0.0.1', Number(new URL(redirect_uri).port))).toBe(false);
    const opened: string[] = [];
    const late = begin(metadata(scripted), {}, { signal: controller.signal, openBrowser: (url) => opened.push(url) });
    late.waiting.catch(() => opened.push('never'));
    await expect(late.token).rejects.toBe(reason);
  });

  it('with the caller if a handler of his throws', async () => {
    const bug = new Error('bug in a handler');
    const { waiting, token } = begin(
      metadata(scripted),
      {},
      {
        onEvent: (event) => {
          if (event.type === 'callback_ignored') throw bug;
        },
      },
    );
    await expect(send(new URL('/x', (await waiting).redirect_uri))).rejects.toThrow('socket hang up');
    await expect(token).rejects.toBe(bug);
  });
});

it('the URL that is printed, opened and told is one', async () => {
  const opened: string[] = [];
  const { waiting, token, printed } = begin(metadata(scripted), {}, { openBrowser: (url) => opened.push(url) });
  const { url } = await waiting;
  expect(opened).toEqual([url]);
  expect(printed[0]).toContain(`\n\n${url}\n\n`);
  await arrive(callback(await waiting, { code: 'c' }));
  await token;
});

it('whether there is somebody to ask can be known before', () => {
  const { isTTY } = process.stderr;
  try {
    process.stderr.isTTY = false;
    const paste = { input: process.stdin, output: process.stderr };
    const options = [{}, { openBrowser: true }, { paste: true }, { openBrowser: () => undefined }, { paste }] as const;
    expect(options.map((each) => canAskPerson(each))).toEqual([false, false, false, true, true]);
    expect(options.map((each) => canAskPerson({ ...each, interaction: 'always' }))).toEqual(Array(5).fill(true));
    expect(options.map((each) => canAskPerson({ ...each, interaction: 'never' }))).toEqual(Array(5).fill(false));
    expect(canAskPerson()).toBe(false);
  } finally {
    process.stderr.isTTY = isTTY;
  }
});

describe('nobody there is login_required, before anything listens', () => {
  it.each([
    ['interaction is never', { interaction: 'never', openBrowser: () => expect.unreachable() } as const],
    ['there is no terminal', { openBrowser: true }],
    ['the browser is not to be opened', { openBrowser: false }],
  ])('%s', async (_, options) => {
    const { isTTY } = process.stderr;
    try {
      process.stderr.isTTY = false;
      const { token, events } = begin(metadata(scripted), {}, options);
      expect(await rejectionOf(token)).toMatchObject({ code: 'login_required', retryable: false });
      expect(events).toEqual([]);
    } finally {
      process.stderr.isTTY = isTTY;
    }
  });

  it('a server without an authorization endpoint leaves no port open', async () => {
    const { token, events } = begin({ issuer: scripted.origin, token_endpoint: `${scripted.origin}/token` });
    expect(await rejectionOf(token)).toMatchObject({ code: 'endpoint_missing' });
    expect(events).toEqual([]);
  });
});
