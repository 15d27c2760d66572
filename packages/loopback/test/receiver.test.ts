import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  followCallback,
  startLogin,
  callbackUrl,
  canConnect,
  grantTokens,
  metadata,
  sendRequest,
  type RawResponse,
} from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

/** Checks what holds for every response of the receiver. */
function expectSafeResponse({ headers, body }: RawResponse): void {
  expect(headers['cache-control']).toBe('no-store');
  expect(headers['referrer-policy']).toBe('no-referrer');
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['set-cookie']).toBeUndefined();
  expect(body).not.toMatch(/<script|https?:|\/\/|@import|url\(/i);
}

describe('listens on loopback only (RFC 8252 section 8.3)', () => {
  it('so that no other address of this machine answers', async () => {
    const { waiting, token } = startLogin(metadata(scripted));
    const { port } = new URL((await waiting).redirect_uri);
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((each) => each?.internal === false);
    for (const other of others) await expect(canConnect(other?.address ?? '', Number(port))).resolves.toBe(false);
    await followCallback(callbackUrl(await waiting, { code: 'c' }));
    await token;
  });

  it.skipIf(process.platform !== 'linux')(
    'so that the kernel lists 127.0.0.1 and ::1 (Linux only: /proc/net)',
    async () => {
      const { waiting, token } = startLogin(metadata(scripted));
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
      await followCallback(callbackUrl(await waiting, { code: 'c' }));
      await token;
    },
  );
});

it('reveals nothing about the login before the callback (RFC 8252 section 8.9)', async () => {
  const { waiting, token } = startLogin(metadata(scripted));
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
    const answer = await sendRequest(origin + path);
    expect([path, answer.status]).toEqual([path, path === '/callback' ? 400 : 404]);
    expectSafeResponse(answer);
    const all = JSON.stringify(answer);
    for (const secret of [...secrets, scripted.origin]) expect(all).not.toContain(secret);
  }
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  await token;
});

it('accepts only the exact path of the redirect URI, and only GET (RFC 8252 section 8.10)', async () => {
  const { waiting, token, events } = startLogin(metadata(scripted));
  const url = callbackUrl(await waiting, { code: 'c' });
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
    const answer = await sendRequest(url.origin, { path: path === url.href ? path : `${path}${url.search}` });
    expect([path, answer.status]).toEqual([path, 404]);
  }
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
    const answer = await sendRequest(url, { method });
    expect([method, answer.status]).toEqual([method, 405]);
    expect(answer.headers.allow).toBe('GET');
    expect((await sendRequest(new URL('/favicon.ico', url), { method })).status).toBe(404);
  }
  expect(events.filter((event) => event.type === 'callback_ignored')).toHaveLength(paths.length + 14);
  expect((await followCallback(url)).last.status).toBe(200);
  await token;
});

it('refuses a request for another host name (DNS rebinding)', async () => {
  const { waiting, token, events } = startLogin(metadata(scripted));
  const url = callbackUrl(await waiting, { code: 'c' });
  for (const host of [
    'evil.example',
    `evil.example:${url.port}`,
    '127.0.0.1',
    '127.0.0.1:1',
    `0.0.0.0:${url.port}`,
    `127.0.0.1.evil.example:${url.port}`,
  ])
    expect([host, (await sendRequest(url, { headers: { host } })).status]).toEqual([host, 404]);
  expect(events.filter((event) => event.type === 'callback_ignored').map(({ reason }) => reason)).toEqual(
    Array(6).fill('host'),
  );
  expect((await sendRequest(url, { headers: { host: `localhost:${url.port}` } })).status).toBe(303);
  await sendRequest(new URL('/callback/done', url));
  await token;
});

it('answers, counts and ignores 100 forged callbacks and a favicon, and then accepts the right one (RFC 8252 section 8.9)', async () => {
  scripted.requests.length = 0;
  const { waiting, token, events, printed } = startLogin(metadata(scripted));
  const good = callbackUrl(await waiting, { code: 'good' });
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
    const answer = await sendRequest(`${good.origin}/callback${queries[i % queries.length]}`);
    expect(answer.status).toBe(400);
    expectSafeResponse(answer);
    expect(answer.body).toMatch(/This login has expired|This answer can not be verified/);
  }
  // Browsers send these by themselves.
  expect((await sendRequest(new URL('/favicon.ico', good))).status).toBe(404);
  expect((await sendRequest(good, { method: 'HEAD' })).status).toBe(405);
  expect((await sendRequest(good, { method: 'OPTIONS' })).status).toBe(405);
  expect((await sendRequest(new URL('/x', good))).status).toBe(404);
  const ignored = events.filter((event) => event.type === 'callback_ignored');
  expect(ignored).toHaveLength(104);
  expect(ignored[99]).toEqual({ type: 'callback_ignored', reason: 'state', count: 100 });
  expect(ignored.slice(100)).toEqual([
    ...['routine', 'routine', 'routine'].map((reason) => ({ type: 'callback_ignored', reason, count: 100 })),
    { type: 'callback_ignored', reason: 'path', count: 101 },
  ]);
  expect(printed.filter((text) => text.startsWith('Ignored'))).toEqual([
    'Ignored 10 requests that did not belong to this login.\n',
    'Ignored 100 requests that did not belong to this login.\n',
  ]);
  await followCallback(good);
  await token;
  expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['good']);
});

it('accepts the state once, and answers a second callback with the expired page', async () => {
  const { waiting, token } = startLogin(metadata(scripted));
  const good = callbackUrl(await waiting, { code: 'first' });
  expect((await sendRequest(good)).status).toBe(303);
  const second = await sendRequest(callbackUrl(await waiting, { code: 'second' }));
  expect(second.status).toBe(400);
  expect(second.body).toContain('This login has expired');
  await sendRequest(new URL('/callback/done', good));
  await token;
  expect(scripted.requests.at(-1)?.form.get('code')).toBe('first');
});

it.each([
  ['success', { code: 'c' }, 'Login received'],
  ['failure', { error: 'access_denied' }, 'Login denied'],
])('shows the same page for the same answer again (%s: prefetch, second tab, reload)', async (_, parameters, title) => {
  scripted.requests.length = 0;
  const { waiting, token } = startLogin(metadata(scripted));
  const ended = token.catch(() => undefined);
  const url = callbackUrl(await waiting, parameters);
  expect((await followCallback(url)).last.body).toContain(title);
  await ended;
  expect((await followCallback(url)).last.body).toContain(title);
  expect((await sendRequest(new URL('/callback/done', url))).body).toContain(title);
  expect(scripted.requestsTo('/token')).toHaveLength('code' in parameters ? 1 : 0);
});

it('requests the token before the browser has loaded the last page', async () => {
  const requested = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  scripted.script(async () => {
    requested.resolve();
    await answered.promise;
    return { json: { access_token: 'a', token_type: 'Bearer' } };
  });
  const { waiting, token } = startLogin(metadata(scripted));
  const url = callbackUrl(await waiting, { code: 'c' });
  await sendRequest(url);
  await requested.promise;
  expect((await sendRequest(new URL('/callback/done', url))).body).toContain('Login received');
  answered.resolve();
  expect(await token).toMatchObject({ access_token: 'a' });
  grantTokens(scripted);
});

describe('an answer in the body of a request (form_post)', () => {
  it('is accepted with the state of this login, and ignored with another one', async () => {
    scripted.requests.length = 0;
    const { waiting, token, events } = startLogin(metadata(scripted));
    const url = callbackUrl(await waiting, { code: 'posted' });
    const form = (body: string, type = 'application/x-www-form-urlencoded'): Promise<Response> =>
      fetch(new URL('/callback', url), {
        method: 'POST',
        body,
        headers: { 'content-type': type, origin: 'https://as.example' },
        redirect: 'manual',
      });
    expect((await form('code=x&state=other')).status).toBe(400);
    expect((await form(`code=x&state=${'x'.repeat(300_000)}`)).status).toBe(400);
    expect((await form(url.search.slice(1), 'text/plain')).status).toBe(405);
    const accepted = await form(url.search.slice(1));
    expect([accepted.status, accepted.headers.get('location')]).toEqual([303, '/callback/done']);
    expect((await sendRequest(new URL('/callback/done', url))).body).toContain('Login received');
    await token;
    expect(scripted.requests.map(({ form: sent }) => sent.get('code'))).toEqual(['posted']);
    const reasons = events.flatMap((event) => (event.type === 'callback_ignored' ? [event.reason] : []));
    expect(reasons).toEqual(['state', 'state', 'method']);
  });
});

describe('an answer without state', () => {
  it('is told, filtered and as unverified, and repeated in login_timeout, and never believed', async () => {
    scripted.requests.length = 0;
    const { waiting, token, events, printed } = startLogin(metadata(scripted), {}, { timeout: 1_500 });
    const { redirect_uri } = await waiting;
    const forged = '?error=access_denied&error_description=No%1B[31m%20such%0Aapp%E2%80%AE';
    const page = await sendRequest(redirect_uri + forged);
    expect([page.status, page.body]).toEqual([400, expect.stringContaining('This answer can not be verified')]);
    expect(page.body).not.toContain('such');
    for (const query of [forged, '?code=secret-code', '', '?error=fourth']) await sendRequest(redirect_uri + query);
    const told = events.flatMap((event) => (event.type === 'callback_ignored' ? [event.unverified] : []));
    const texts = [
      'access_denied: No[31m suchapp',
      'a code without state',
      'neither a code nor an error (the server may have put them into the fragment, after a #)',
    ];
    expect(told).toEqual([texts[0], undefined, texts[1], texts[2], undefined]);
    expect(printed.filter((text) => text.includes('can not be verified'))).toHaveLength(3);
    const error = await rejectionOf(token);
    expect(error).toMatchObject({ code: 'login_timeout' });
    expect(error.message).toContain(`Answers that could not be verified arrived: ${texts.join('; ')}.`);
    expect(inspectAll([error, events])).not.toContain('secret-code');
    expect(scripted.requests).toEqual([]);
  });
});

describe('a refusal', () => {
  it('is shown escaped, without anything else of the request (RFC 6749 section 4.1.2.1)', async () => {
    const { waiting, token } = startLogin(metadata(scripted));
    const attack = `</p><script>alert(1)</script><img src=x onerror="alert(1)">'&amp;`;
    const url = callbackUrl(await waiting, {
      error: 'server_error',
      error_description: attack,
      error_uri: 'https://evil.example',
      next: 'https://evil.example',
    });
    const { first, last, lastUrl } = await followCallback(url);
    expect(first.body).toBe('');
    expect(last.status).toBe(400);
    expectSafeResponse(last);
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
  ])('with %s ends the login with a page', async (code, parameters) => {
    scripted.requests.length = 0;
    const { waiting, token } = startLogin(metadata(scripted));
    const { last } = await followCallback(callbackUrl(await waiting, parameters));
    expect(last.body).toContain('<h1>Login failed</h1>');
    expect(last.body).not.toMatch(/secret-code|evil\.example/);
    const error = await rejectionOf(token);
    expect(error).toMatchObject({ code });
    expect(inspectAll(error)).not.toContain('secret-code');
    expect(scripted.requests).toEqual([]);
  });

  it('is a missing iss that the server announced (RFC 9207 section 2.4)', async () => {
    const { waiting, token } = startLogin(metadata(scripted, { authorization_response_iss_parameter_supported: true }));
    await followCallback(callbackUrl(await waiting, { code: 'c' }));
    expect(await rejectionOf(token)).toMatchObject({ code: 'issuer_mismatch' });
  });
});

it('ends on a page without script, without other origins, and without the code in its address (RFC 9700 section 4.3)', async () => {
  const { waiting, token } = startLogin(metadata(scripted));
  const { first, last, lastUrl } = await followCallback(callbackUrl(await waiting, { code: 'secret-code' }));
  expect(first.status).toBe(303);
  expect(first.headers.location).toBe('/callback/done');
  for (const response of [first, last]) expectSafeResponse(response);
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

it('redirects to a fixed path, whatever the request contains (RFC 9700 section 4.11)', async () => {
  const { waiting, token } = startLogin(metadata(scripted));
  const url = callbackUrl(await waiting, {
    code: 'c',
    next: '//evil.example',
    redirect_uri: 'https://evil.example',
    return_to: '/x',
  });
  expect(
    (await sendRequest(url, { headers: { referer: 'https://evil.example', 'x-forwarded-host': 'evil.example' } }))
      .headers.location,
  ).toBe('/callback/done');
  await sendRequest(new URL('/callback/done', url));
  await token;
});

describe('the port (RFC 8252 section 8.3)', () => {
  it('is open before the browser starts, and closed a moment after the login', async () => {
    let openAtStart: boolean | undefined;
    const { waiting, token } = startLogin(
      metadata(scripted),
      {},
      {
        openBrowser: async (url) => {
          openAtStart = await canConnect('127.0.0.1', Number(new URL(url).port));
          await followCallback(callbackUrl(await waiting, { code: 'c' }));
        },
      },
    );
    await token;
    expect(openAtStart).toBe(true);
    const port = Number(new URL((await waiting).redirect_uri).port);
    await expect.poll(() => canConnect('127.0.0.1', port), { timeout: 20_000 }).toBe(false);
  });

  it('is closed although idle connections and half-sent requests are open', async () => {
    const { waiting, token } = startLogin(metadata(scripted));
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
    await followCallback(callbackUrl(await waiting, { code: 'c' }));
    await token;
    await Promise.all(sockets);
    await expect.poll(() => canConnect(hostname, Number(port)), { timeout: 20_000 }).toBe(false);
  });

  it('is closed if the browser never loads the last page', async () => {
    const { waiting, token } = startLogin(metadata(scripted));
    const url = callbackUrl(await waiting, { code: 'c' });
    await sendRequest(url);
    await token;
    await expect.poll(() => canConnect('127.0.0.1', Number(url.port)), { timeout: 20_000 }).toBe(false);
  });
});
