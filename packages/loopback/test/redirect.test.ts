import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loopbackRedirectUris } from '@oa/loopback';
import { canReceive, toRedirectUri } from '../src/redirect.ts';
import { finishLogin, grantTokens, ipv6, metadata, startLogin, type StartedLogin } from './help.ts';
import { FAMILIES, freePort, observeRedirect } from './ports.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

describe('the redirect URI', () => {
  it('has an IP literal by default, and both address families answer (RFC 8252 section 8.3)', async () => {
    expect(await observeRedirect(scripted, {})).toEqual({ uri: 'http://127.0.0.1:*/callback', families: FAMILIES });
  });
  it.skipIf(!ipv6)('has the IPv6 literal if the caller asks for it (needs ::1)', async () => {
    expect(await observeRedirect(scripted, { redirectHost: '[::1]' })).toEqual({
      uri: 'http://[::1]:*/callback',
      families: FAMILIES,
    });
  });
  it('has localhost if the caller asks for it, and both address families answer on one port', async () => {
    expect(await observeRedirect(scripted, { redirectHost: 'localhost' })).toEqual({
      uri: 'http://localhost:*/callback',
      families: FAMILIES,
    });
  });
  it.each([
    [['http://127.0.0.1/cb'], 'http://127.0.0.1:*/cb'],
    [
      ['http://localhost/a', 'http://[::1]/b', 'https://app.example/c'],
      ipv6 ? 'http://[::1]:*/b' : 'http://localhost:*/a',
    ],
    [['http://localhost/a', 'http://127.0.0.1/b', 'http://[::1]/c'], 'http://127.0.0.1:*/b'],
    [['http://localhost'], 'http://localhost:*'],
    [[], 'http://127.0.0.1:*/callback'],
    [
      ['https://app.example/c', 'com.example:/cb', 'http://127.0.0.1.evil.example/', 'http://10.0.0.1/'],
      'client_required',
    ],
    // A server may have registered these instead: another host as a browser reads it, escape sequences, a second header.
    [
      [
        'http://127.0.0.1//evil.example/cb',
        'http://127.0.0.1/\\evil.example',
        'http://127.0.0.1/\u001b[2J',
        'http://127.0.0.1/\r\nx: y',
      ],
      'client_required',
    ],
  ])('is one of the registered URIs: %j', async (redirect_uris, uri) => {
    expect((await observeRedirect(scripted, {}, redirect_uris)).uri).toBe(uri);
  });
  it.each([
    ['http://localhost', 'http://localhost:*'],
    ['http://localhost/', 'http://localhost:*/'],
    ['http://127.0.0.1?tenant=a%20b', 'http://127.0.0.1:*?tenant=a%20b'],
    ['http://localhost/login/callback/', 'http://localhost:*/login/callback/'],
    ['http://localhost/a/%7Bb%7D;c=d?x=1&y=/..', 'http://localhost:*/a/%7Bb%7D;c=d?x=1&y=/..'],
  ])('keeps the spelling of %s, but for the missing port (RFC 3986 section 6.2)', async (registered, uri) => {
    expect((await observeRedirect(scripted, {}, [registered])).uri).toBe(uri);
  });
  it.each(['', '/', '/login/callback', '/cb?tenant=a'])(
    'keeps the spelling of a URI with a port and %j',
    async (path) => {
      const uri = `http://localhost:${await freePort()}${path}`;
      const { waiting, token } = startLogin(
        metadata(scripted),
        {},
        { client: { client_id: 'x', redirect_uris: [uri] } },
      );
      const { url, redirect_uri } = await waiting;
      expect([redirect_uri, new URL(url).searchParams.get('redirect_uri')]).toEqual([uri, uri]);
      await finishLogin({ waiting, token } as StartedLogin);
      expect(scripted.requestsTo('/token').at(-1)?.form.get('redirect_uri')).toBe(uri);
    },
  );
  it('has no port if the registered one has none and the login listens on port 80', () => {
    const target = { host: 'localhost', port: 0, path: '' } as const;
    expect([80, 8080].map((port) => toRedirectUri(target, port))).toEqual([
      'http://localhost',
      'http://localhost:8080',
    ]);
    expect(toRedirectUri({ ...target, port: 80 }, 80)).toBe('http://localhost:80');
  });
  it('is none of those that no browser can return to, or that name another host', async () => {
    const uris = [
      'http://localhost:0/cb',
      'http://localhost:65536/cb',
      'http://localhost/a/../cb',
      'http://localhost/#x',
    ];
    for (const uri of [
      ...uris,
      'http://localhost.:1/cb',
      'http://u@localhost/cb',
      'http://127.0.0.2/cb',
      'https://localhost/cb',
    ])
      expect((await observeRedirect(scripted, {}, [uri])).uri).toBe('client_required');
  });
  it('contradicts the option port: the error names both', async () => {
    const client = { client_id: 'x', redirect_uris: ['http://localhost:3000/cb', 'http://localhost:3001/cb'] };
    const error = await rejectionOf(startLogin(metadata(scripted), {}, { client, port: [5000, 0] }).token);
    expect(error.code).toBe('client_required');
    expect(error.message).toMatch(
      /registered with http:\/\/localhost:3000\/cb, http:\/\/localhost:3001\/cb, and the option port asks for 5000, 0\. Leave out the option port/,
    );
    const wrongHost = startLogin(metadata(scripted), {}, { client, redirectHost: '127.0.0.1' });
    expect((await rejectionOf(wrongHost.token)).message).toMatch(
      /Leave out the option redirectHost, or register.*It has http:\/\/localhost:3000/,
    );
  });
  it('can be received with the options of a login, or not', () => {
    const client = { client_id: 'x', redirect_uris: ['http://127.0.0.1:3000/cb'] };
    expect(
      [{}, { port: 3000 }, { port: [1, 3000] }, { redirectHost: '127.0.0.1' as const }].every((options) =>
        canReceive(client, options),
      ),
    ).toBe(true);
    expect(
      [{ port: 1 }, { port: 0 }, { redirectHost: 'localhost' as const }].some((options) => canReceive(client, options)),
    ).toBe(false);
    expect(canReceive({ client_id: 'x' }, { port: 1, redirectHost: 'localhost' })).toBe(true);
    expect(canReceive({ client_id: 'x', redirect_uris: ['https://tool.example/cb'] })).toBe(false);
  });
  it('is the registered one with the host of redirectHost', async () => {
    const uris = ['http://127.0.0.1/a', 'http://localhost/b'];
    expect((await observeRedirect(scripted, { redirectHost: 'localhost' }, uris)).uri).toBe('http://localhost:*/b');
    expect((await observeRedirect(scripted, { redirectHost: '[::1]' }, uris)).uri).toBe('client_required');
  });
  it('is one of those that loopbackRedirectUris returns', async () => {
    expect(loopbackRedirectUris()).toEqual(['http://127.0.0.1/callback', 'http://[::1]/callback']);
    expect(loopbackRedirectUris({ redirectHost: 'localhost', port: [1, 2] })).toEqual([
      'http://localhost:1/callback',
      'http://localhost:2/callback',
    ]);
    const [issuer, other] = ['https://as.example', 'https://as.example/'].map((each) =>
      loopbackRedirectUris({ issuer: each, redirectHost: '127.0.0.1', port: 1 }),
    );
    // The first 96 bits of the digest: printf %s https://as.example | sha256sum
    expect(issuer).toEqual(['http://127.0.0.1:1/callback/k-IPvZ2UNvdMJS26']);
    expect(other).not.toEqual(issuer);
    const port = await freePort();
    expect(loopbackRedirectUris({ port })).toContain((await observeRedirect(scripted, { port })).uri);
  });
});
