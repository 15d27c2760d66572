import { inspect } from 'node:util';
import { startScriptedServer, type RecordedRequest, type Reply } from '@oa-internal/scripted-server';
import { attempt, isOAuthError, type OAuthEvent, type Token, type TokenSourceOptions } from '@oa/types';
import { afterEach, expect, test } from 'vitest';
import { createFetch } from '@oa/fetch';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(
  script: (request: RecordedRequest, index: number) => Reply | undefined,
  host?: '127.0.0.1' | '::1',
) {
  const server = await startScriptedServer(script, host === undefined ? {} : { host });
  closers.push(() => server.close());
  return server;
}

/** Hands out token-1 until it is refused, then token-2, and so on; keeps what it was asked. */
function countingSource() {
  let current = 1;
  const asked: (TokenSourceOptions | undefined)[] = [];
  const source = async (options?: TokenSourceOptions): Promise<Token> => {
    asked.push(options);
    if (options?.rejected === `token-${current}`) current += 1;
    return { access_token: `token-${current}`, token_type: 'Bearer' };
  };
  return { source, asked, rejections: () => asked.flatMap((options) => options?.rejected ?? []) };
}

/** 401 to the tokens named, 200 to others, with the body echoed. */
const refusing =
  (refused: string[], challenge?: string) =>
  (request: RecordedRequest): Reply => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (!refused.includes(token)) return { json: { token, body: request.body } };
    return { status: 401, ...(challenge !== undefined && { headers: { 'www-authenticate': challenge } }) };
  };

const authorizations = (requests: RecordedRequest[]) => requests.map((request) => request.headers.authorization);

test('G1: adds the token as a Bearer header, keeps method, URL, body and headers as they are', async () => {
  const server = await serve(() => ({ json: { ok: true } }));
  const fetch = createFetch(countingSource().source);
  const response = await fetch(`${server.origin}/things?page=2`, {
    method: 'PUT',
    headers: [['X-Own', 'kept']],
    body: 'text',
  });
  expect(await response.json()).toEqual({ ok: true });
  const [request] = server.requests;
  expect(request?.method).toBe('PUT');
  expect(request?.url).toBe('/things?page=2');
  expect(request?.body).toBe('text');
  expect(request?.headers).toMatchObject({ 'x-own': 'kept', authorization: 'Bearer token-1' });
});

test('takes URL objects and Request objects, with and without init', async () => {
  const server = await serve((request) => ({ json: { body: request.body, own: request.headers['x-own'] ?? null } }));
  const fetch = createFetch(countingSource().source);
  expect((await fetch(new URL('/a', server.origin))).status).toBe(200);
  const request = new Request(`${server.origin}/b`, {
    method: 'POST',
    body: 'from request',
    headers: { 'x-own': '1' },
  });
  expect(await (await fetch(request)).json()).toEqual({ body: 'from request', own: '1' });
  expect(request.bodyUsed).toBe(true);
  const other = new Request(`${server.origin}/c`, { method: 'POST', body: 'not this', headers: { 'x-own': '1' } });
  expect(await (await fetch(other, { method: 'POST', body: 'this', headers: { 'x-own': '2' } })).json()).toEqual({
    body: 'this',
    own: '2',
  });
  expect(authorizations(server.requests)).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-1']);
  // The length is still known: a server that can't take chunked bodies gets what plain fetch would send it.
  expect(server.requests[1]?.headers['content-length']).toBe('12');
});

test('a request that has an Authorization header is left alone', async () => {
  const server = await serve(() => ({ status: 401 }));
  const { source, asked } = countingSource();
  const response = await createFetch(source)(server.origin, { headers: { Authorization: 'Basic eDp5' } });
  expect(response.status).toBe(401);
  expect(authorizations(server.requests)).toEqual(['Basic eDp5']);
  expect(asked).toEqual([]);
});

test.each([
  ['no WWW-Authenticate at all', undefined],
  ['no error code', 'Bearer realm="api"'],
  ['invalid_token', 'Bearer realm="api", error="invalid_token", error_description="expired"'],
  ['invalid_token without quotes, second challenge', 'DPoP algs="ES256", Bearer error=invalid_token'],
  ['error only inside of a quoted string', 'Bearer realm="error=\\"insufficient_scope\\""'],
])('one second request after a 401 with %s', async (_name, challenge) => {
  const server = await serve(refusing(['token-1'], challenge));
  const { source, rejections } = countingSource();
  const response = await createFetch(source)(server.origin, { method: 'POST', body: 'again' });
  expect(await response.json()).toEqual({ token: 'token-2', body: 'again' });
  expect(authorizations(server.requests)).toEqual(['Bearer token-1', 'Bearer token-2']);
  expect(rejections()).toEqual(['token-1']);
});

test.each([
  [401, 'Bearer error="invalid_request"'],
  [401, 'Bearer error="insufficient_scope", scope="admin"'],
  [403, 'Bearer error="invalid_token"'],
  [500, undefined],
])('no second request after %i with %s', async (status, challenge) => {
  const server = await serve(() => ({ status, ...(challenge && { headers: { 'www-authenticate': challenge } }) }));
  const { source, rejections } = countingSource();
  expect((await createFetch(source)(server.origin)).status).toBe(status);
  expect(server.requests).toHaveLength(1);
  expect(rejections()).toEqual([]);
});

test.each([401, 403])(
  'insufficient_scope with %i: the source is asked for the scopes, and the request is sent once more',
  async (status) => {
    const server = await serve(({ headers }) =>
      headers.authorization === 'Bearer wide'
        ? { json: { ok: true } }
        : { status, headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="read write"' } },
    );
    const asked: (TokenSourceOptions | undefined)[] = [];
    const fetch = createFetch(async (options) => {
      asked.push(options);
      return { access_token: options?.scope === undefined ? 'narrow' : 'wide', token_type: 'Bearer' };
    });
    expect((await fetch(server.origin, { method: 'POST', body: 'kept' })).status).toBe(200);
    expect(asked).toEqual([{}, { scope: 'read write' }]);
    expect(server.requests.map(({ body }) => body)).toEqual(['kept', 'kept']);
  },
);

test('a 403 without scopes, or after the scopes were given, is the answer', async () => {
  const challenges = ['Bearer error="insufficient_scope"', 'Bearer error="invalid_token"', 'Bearer', ''];
  // Not scopes of RFC 6749 section 3.3, and more than an API needs.
  for (const scope of ['caf\u00e9', 'x'.repeat(1001)])
    challenges.push(`Bearer error="insufficient_scope", scope="${scope}"`);
  let issued = 0;
  const source = async (): Promise<Token> => ({ access_token: `t${(issued += 1)}`, token_type: 'Bearer' });
  for (const challenge of challenges) {
    const server = await serve(() => ({ status: 403, headers: { 'www-authenticate': challenge } }));
    expect((await createFetch(source)(server.origin)).status).toBe(403);
    expect(server.requests).toHaveLength(1);
  }
  const never = await serve(() => ({
    status: 403,
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="more"' },
  }));
  expect((await createFetch(source)(never.origin)).status).toBe(403);
  expect(never.requests).toHaveLength(2);
});

test('at most one second request, whatever the server says to it', async () => {
  const server = await serve(() => ({ status: 401 }));
  const { source } = countingSource();
  expect((await createFetch(source)(server.origin)).status).toBe(401);
  expect(authorizations(server.requests)).toEqual(['Bearer token-1', 'Bearer token-2']);
});

test('the body of the 401 that nobody will read is let go', async () => {
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        yield new Uint8Array(65_536);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      ended = true;
    }
  }
  const server = await serve((_request, index) => (index === 0 ? { status: 401, body: endless() } : {}));
  expect((await createFetch(countingSource().source)(server.origin)).status).toBe(200);
  await expect.poll(() => ended).toBe(true);
});

test('no second request when the source has no other token', async () => {
  const server = await serve(() => ({ status: 401, body: 'why' }));
  const response = await createFetch(async () => ({ access_token: 'only', token_type: 'bearer' }))(server.origin);
  expect(await response.text()).toBe('why');
  expect(server.requests).toHaveLength(1);
});

test('200 requests refused at once: each is sent once more, each says which token was refused', async () => {
  const server = await serve(refusing(['token-1']));
  const { source, rejections } = countingSource();
  const fetch = createFetch(source);
  const responses = await Promise.all(Array.from({ length: 200 }, () => fetch(server.origin)));
  expect(responses.every((response) => response.status === 200)).toBe(true);
  expect(server.requests).toHaveLength(rejections().length + 200);
  expect(new Set(rejections())).toEqual(new Set(['token-1']));
  expect(rejections().length).toBeLessThanOrEqual(200);
});

test.each<[string, () => NonNullable<RequestInit['body']>, RegExp]>([
  ['string', () => 'body text', /^body text$/],
  ['URLSearchParams', () => new URLSearchParams({ a: 'b c' }), /^a=b\+c$/],
  ['bytes', () => new TextEncoder().encode('bytes'), /^bytes$/],
  ['ArrayBuffer', () => new TextEncoder().encode('buffer').buffer, /^buffer$/],
  ['Blob', () => new Blob(['blob']), /^blob$/],
  [
    'FormData',
    () => {
      const form = new FormData();
      form.set('field', 'value');
      return form;
    },
    /name="field"\s+value/,
  ],
])('a %s body is sent a second time', async (_name, body, expected) => {
  const server = await serve(refusing(['token-1']));
  const response = await createFetch(countingSource().source)(server.origin, { method: 'POST', body: body() });
  expect(response.status).toBe(200);
  expect(server.requests).toHaveLength(2);
  for (const request of server.requests) expect(request.body).toMatch(expected);
});

test("a Request's body is sent a second time, and its length stays known", async () => {
  const server = await serve(refusing(['token-1']));
  const request = new Request(server.origin, { method: 'POST', body: 'x'.repeat(300_000) });
  const response = await createFetch(countingSource().source)(request);
  expect(((await response.json()) as { body: string }).body).toHaveLength(300_000);
  expect(server.requests.map((one) => one.headers['content-length'])).toEqual(['300000', '300000']);
  expect(request.bodyUsed).toBe(true);
});

test('a streamed body is sent once: the caller gets the 401, is told, and the next request has another token', async () => {
  const server = await serve(refusing(['token-1'], 'Bearer error="invalid_token"'));
  const { source, asked } = countingSource();
  const events: OAuthEvent[] = [];
  const fetch = createFetch(source, { onEvent: (event) => events.push(event) });
  const send = () =>
    fetch(`${server.origin}/upload?secret=1`, {
      method: 'POST',
      body: new Blob(['streamed']).stream(),
      duplex: 'half',
    });
  expect((await send()).status).toBe(401);
  expect(server.requests).toHaveLength(1);
  expect(events).toEqual([{ type: 'not_replayed', origin: server.origin }]);
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(200);
  expect(authorizations(server.requests)).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-2']);
  expect(asked.map((options) => options?.rejected)).toEqual([undefined, 'token-1', undefined]);
});

test('G3: the token goes to the origins named, and to no other', async () => {
  const [api, other] = [await serve(() => ({})), await serve(() => ({ status: 401 }))];
  const { source, asked } = countingSource();
  const fetch = createFetch(source, { origins: [`${api.origin}/`] });
  await fetch(`${api.origin}/a`);
  expect((await fetch(`${other.origin}/b`, { headers: { 'x-own': 'kept' } })).status).toBe(401);
  expect(authorizations(api.requests)).toEqual(['Bearer token-1']);
  expect(authorizations(other.requests)).toEqual([undefined]);
  expect(other.requests[0]?.headers['x-own']).toBe('kept');
  expect(asked).toHaveLength(1);
});

test.each([302, 307])(
  'G3: a redirect (%i) to another origin loses the token, one to the same origin keeps it',
  async (status) => {
    const other = await serve(() => ({ status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }));
    const api = await serve((request) => {
      if (request.path === '/away') return { status, headers: { location: `${other.origin}/caught` } };
      if (request.path === '/here') return { status, headers: { location: '/there' } };
      return {};
    });
    const { source, rejections } = countingSource();
    const fetch = createFetch(source);
    expect((await fetch(`${api.origin}/here`)).status).toBe(200);
    expect(authorizations(api.requests)).toEqual(['Bearer token-1', 'Bearer token-1']);
    expect((await fetch(`${api.origin}/away`)).status).toBe(401);
    expect(authorizations(other.requests)).toEqual([undefined]);
    // The other origin's 401 says nothing about a token that it never saw.
    expect(rejections()).toEqual([]);
  },
);

test.each(['http://api.example/things?token=planted', 'ftp://api.example/x'])(
  'G2: %s never gets the token, and the source is not asked',
  async (url) => {
    const { source, asked } = countingSource();
    const result = await attempt(createFetch(source)(url));
    expect(result).toMatchObject({ ok: false, error: { code: 'insecure_url', retryable: false } });
    expect(inspect(result, { depth: 10, showHidden: true })).not.toContain('planted');
    expect(asked).toEqual([]);
  },
);

test('loopback hosts get the token over plain http', async () => {
  const ipv6 = await serve(() => ({}), '::1');
  const ipv4 = await serve(() => ({}));
  const fetch = createFetch(countingSource().source);
  await fetch(ipv6.origin);
  await fetch(ipv4.origin.replace('127.0.0.1', 'localhost'));
  expect(authorizations([...ipv6.requests, ...ipv4.requests])).toEqual(['Bearer token-1', 'Bearer token-1']);
});

test('G2: a token that is no Bearer token, or no header value, is not sent and not shown', async () => {
  const server = await serve(() => ({}));
  for (const [token, code] of [
    [{ access_token: 'PLANTED-1', token_type: 'mac' }, 'unsupported_token_type'],
    [{ access_token: 'PLANTED\n-2', token_type: 'bearer' }, 'invalid_response'],
    [{ access_token: '', token_type: 'BEARER' }, 'invalid_response'],
  ] as const) {
    const result = await attempt(createFetch(async () => token)(server.origin));
    expect(result).toMatchObject({ ok: false, error: { code } });
    const shown = inspect(result, { depth: 10, showHidden: true }) + JSON.stringify(result);
    expect(shown).not.toContain('PLANTED');
  }
  expect(server.requests).toHaveLength(0);
});

test("what the source rejects with is what the caller gets, and the Request's body is let go", async () => {
  const server = await serve(() => ({ status: 401 }));
  const failure = new Error('no token');
  const request = new Request(server.origin, { method: 'POST', body: 'x' });
  const fetch = createFetch(async (options) => {
    if (options?.rejected !== undefined) throw failure;
    return { access_token: 'a', token_type: 'Bearer' };
  });
  await expect(fetch(request)).rejects.toBe(failure);
  expect(request.bodyUsed).toBe(true);
  expect(server.requests).toHaveLength(1);
});

test('a body that fails while it is sent rejects once, without an unhandled rejection', async () => {
  const server = await serve(() => ({}));
  const body = new ReadableStream({
    pull() {
      throw new Error('disk gone');
    },
    cancel() {
      throw new Error('cancelled too late');
    },
  });
  const request = new Request(server.origin, { method: 'POST', body, duplex: 'half' });
  await expect(createFetch(countingSource().source)(request)).rejects.toThrow('fetch failed');
});

test('an abort ends the call with the reason of the signal: before, while the token is got, while the server answers', async () => {
  const server = await serve(() => ({ drop: 'never' }));
  const reason = new Error('enough');
  const { source, asked } = countingSource();
  await expect(createFetch(source)(server.origin, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(asked).toEqual([]);

  const early = new AbortController();
  const waiting = createFetch(() => new Promise(() => {}))(new Request(server.origin, { signal: early.signal }));
  early.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  expect(server.requests).toHaveLength(0);

  const late = new AbortController();
  const sent = createFetch(source)(server.origin, { signal: late.signal });
  await expect.poll(() => server.requests.length).toBe(1);
  late.abort(reason);
  await expect(sent).rejects.toBe(reason);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.signal).toBe(late.signal);
});

test('uses the fetch given, and passes on what only that one understands', async () => {
  const seen: unknown[] = [];
  const fetch = createFetch(countingSource().source, {
    fetch: async (input, init) => {
      seen.push(input, (init as unknown as { dispatcher?: string }).dispatcher);
      return new Response('own');
    },
  });
  const response = await fetch('https://api.example/x', { dispatcher: 'proxy' } as unknown as RequestInit);
  expect(await response.text()).toBe('own');
  expect(seen).toEqual(['https://api.example/x', 'proxy']);
});

test('wrong arguments are TypeErrors at once', () => {
  const { source } = countingSource();
  expect(() => createFetch('token' as never)).toThrow(TypeError);
  for (const origins of [
    'https://a.example',
    ['https://a.example/path'],
    ['a.example'],
    ['file:///x'],
    ['https://u@a.example'],
  ])
    expect(() => createFetch(source, { origins: origins as string[] })).toThrow(/origin/);
});

test('a hostile challenge of a megabyte is read, where quadratic time would take minutes', async () => {
  for (const unit of ['a', 'a="', 'a \t', 'a=\\"', 'a="\\"', ' ', '=']) {
    const headers = { 'www-authenticate': `Bearer ${unit.repeat(1_000_000 / unit.length)}x` };
    const fetch = async (): Promise<Response> => new Response(null, { status: 401, headers });
    const { source, rejections } = countingSource();
    expect((await createFetch(source, { fetch })('https://api.example')).status).toBe(401);
    expect(rejections()).toEqual(['token-1']);
  }
});

test('G2: no error of the network shows the token', async () => {
  const server = await serve(() => ({ drop: 'request' }));
  const error: unknown = await createFetch(async () => ({ access_token: 'PLANTED', token_type: 'Bearer' }))(
    server.origin,
  ).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TypeError);
  expect(isOAuthError(error)).toBe(false);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('PLANTED');
});
