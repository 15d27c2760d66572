import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loopbackRedirectUris } from '../src/index.ts';
import { grantTokens, ipv6 } from './help.ts';
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
