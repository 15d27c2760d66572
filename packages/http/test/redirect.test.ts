import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { looseObject, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { postForm, request } from '@oa/http';

const schema = looseObject({ name: string() });

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])('C5: a POST answered with %i to another origin goes nowhere', async (status) => {
    await using other = await startScriptedServer(() => ({ json: { name: 'stolen' } }));
    await using server = await startScriptedServer({ '/token': { status, headers: { location: `${other.origin}/` } } });
    const error = await rejectionOf(postForm(`${server.origin}/token`, { client_secret: 's' }, schema));
    expect(error).toMatchObject({ code: 'redirect_refused', status, retryable: false });
    expect(server.requests).toHaveLength(1);
    expect(other.requests).toHaveLength(0);
  });

  it('C5: a POST, PUT or DELETE is not even redirected within the origin', async () => {
    await using server = await startScriptedServer((sent) =>
      sent.path === '/a' ? { status: 308, headers: { location: '/b' } } : { json: {} },
    );
    for (const method of ['POST', 'PUT', 'DELETE'] as const)
      expect((await rejectionOf(request(method, `${server.origin}/a`))).code).toBe('redirect_refused');
    expect(server.requestsTo('/b')).toHaveLength(0);
  });

  it('a GET follows within the origin, and says where it ended', async () => {
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
    'a GET does not follow to %s',
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

  it('ends a circle of redirects', async () => {
    await using server = await startScriptedServer(() => ({ status: 302, headers: { location: '/' } }));
    expect((await rejectionOf(request('GET', `${server.origin}/`))).code).toBe('redirect_refused');
    expect(server.requests).toHaveLength(4);
  });

  it('takes the opaque redirect of a browser for what it is', async () => {
    const opaque = Object.defineProperty(new Response(null), 'type', { value: 'opaqueredirect' });
    const error = await rejectionOf(request('POST', 'https://as.example/', { fetch: async () => opaque }));
    expect(error.code).toBe('redirect_refused');
  });

  it('E3: https is not left for http, nor for a fetch that follows by itself', async () => {
    const location = 'http://as.example/a/';
    const down = async (): Promise<Response> => new Response(null, { status: 301, headers: { location } });
    const followed = Object.defineProperty(Response.json({}), 'redirected', { value: true });
    for (const fetch of [down, async (): Promise<Response> => followed])
      expect((await rejectionOf(request('GET', 'https://as.example/a', { fetch }))).code).toBe('redirect_refused');
  });

  it('a 3xx without a Location is an answer like another', async () => {
    await using server = await startScriptedServer(() => ({ status: 304 }));
    expect((await request('POST', `${server.origin}/`)).status).toBe(304);
  });
});
