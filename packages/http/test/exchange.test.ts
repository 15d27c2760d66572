import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { postForm, request } from '@oa/http';

const schema = looseObject({ name: string() });

describe('a redirect of a POST, PUT or DELETE', () => {
  it.each([301, 302, 303, 307, 308])(
    'with status %i to another origin is refused, and nothing is sent there (RFC 9700 section 4.12)',
    async (status) => {
      await using other = await startScriptedServer(() => ({ json: { name: 'stolen' } }));
      await using server = await startScriptedServer({
        '/token': { status, headers: { location: `${other.origin}/` } },
      });
      const error = await rejectionOf(postForm(`${server.origin}/token`, { client_secret: 's' }, schema));
      expect(error).toMatchObject({ code: 'redirect_refused', status, retryable: false });
      expect(server.requests).toHaveLength(1);
      expect(other.requests).toHaveLength(0);
    },
  );

  it('within the origin is refused', async () => {
    await using server = await startScriptedServer((sent) =>
      sent.path === '/a' ? { status: 308, headers: { location: '/b' } } : { json: {} },
    );
    for (const method of ['POST', 'PUT', 'DELETE'] as const)
      expect((await rejectionOf(request(method, `${server.origin}/a`))).code).toBe('redirect_refused');
    expect(server.requestsTo('/b')).toHaveLength(0);
  });

  it('that a browser hides is refused', async () => {
    const opaque = Object.defineProperty(new Response(null), 'type', { value: 'opaqueredirect' });
    const error = await rejectionOf(request('POST', 'https://as.example/', { fetch: async () => opaque }));
    expect(error.code).toBe('redirect_refused');
  });
});

describe('a redirect of a GET', () => {
  it('within the origin is followed, and the response has the last URL', async () => {
    await using server = await startScriptedServer({
      '/a': { status: 301, headers: { location: '/a/' }, body: 'moved' },
      '/a/': { status: 307, headers: { location: 'b' } },
      '/a/b': { json: { name: 'x' } },
    });
    const response = await request('GET', `${server.origin}/a`, { headers: { authorization: 'Bearer t' } });
    expect(response.url).toBe(`${server.origin}/a/b`);
    expect(server.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/a', 'Bearer t'],
      ['/a/', 'Bearer t'],
      ['/a/b', 'Bearer t'],
    ]);
  });

  it.each(['other', 'http://as.example/', 'ftp://127.0.0.1/', 'http://u:p@HOST/', 'http://['])(
    'to %s is refused',
    async (target) => {
      await using other = await startScriptedServer(() => ({ json: {} }));
      await using server = await startScriptedServer(() => {
        const location = target === 'other' ? other.origin : target.replace('HOST', server.origin.slice(7));
        return { status: 302, headers: { location } };
      });
      expect((await rejectionOf(request('GET', `${server.origin}/`))).code).toBe('redirect_refused');
      expect(server.requests).toHaveLength(1);
      expect(other.requests).toHaveLength(0);
    },
  );

  it('from https to http is refused, also if a fetch followed it by itself (RFC 8414 section 2)', async () => {
    const location = 'http://as.example/a/';
    const down = async (): Promise<Response> => new Response(null, { status: 301, headers: { location } });
    const followed = Object.defineProperty(Response.json({}), 'redirected', { value: true });
    for (const fetch of [down, async (): Promise<Response> => followed])
      expect((await rejectionOf(request('GET', 'https://as.example/a', { fetch }))).code).toBe('redirect_refused');
  });

  it('is refused after three redirects', async () => {
    await using server = await startScriptedServer(() => ({ status: 302, headers: { location: '/' } }));
    const error = await rejectionOf(request('GET', `${server.origin}/`));
    expect(error).toMatchObject({ code: 'redirect_refused' });
    expect(server.requests).toHaveLength(4);
  });
});

it.each([302, 304])('a %i without a Location is an answer like any other', async (status) => {
  await using server = await startScriptedServer(() => ({ status }));
  expect((await request('POST', `${server.origin}/`)).status).toBe(status);
});
