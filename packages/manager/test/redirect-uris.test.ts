import { startNodeOauthServer } from '@oa-internal/other-servers';
import type { ManagerOptions } from '@oa/manager';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort, occupyPort } from './ports.ts';
import { login } from './scenarios/servers/steps.ts';
import { agreeingBrowser, bearer, managerAt, startScripted, storedTokens, temporaryDirectory } from './setup.ts';

/** Logs in with a client that was registered by hand. Returns the redirect URIs of both requests. */
async function redirectUrisOf(
  redirect_uris: readonly string[],
  more: ManagerOptions['login'] = {},
): Promise<unknown[]> {
  const { server, metadata } = await startScripted({ '/token': bearer('a') });
  const { openBrowser, urls } = agreeingBrowser();
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser, ...more } });
  await manager.getToken(metadata, { client_id: 'by-hand', redirect_uris });
  expect(server.requestsTo('/register')).toEqual([]);
  return [urls[0]?.searchParams.get('redirect_uri'), server.requestsTo('/token')[0]?.form.get('redirect_uri')];
}

describe('the redirect URI of a client that was registered by hand', () => {
  it.each([
    ['http://localhost', /^http:\/\/localhost:\d+$/],
    ['http://localhost/', /^http:\/\/localhost:\d+\/$/],
    ['http://127.0.0.1/login/callback', /^http:\/\/127\.0\.0\.1:\d+\/login\/callback$/],
    ['http://localhost/cb?tenant=a%20b', /^http:\/\/localhost:\d+\/cb\?tenant=a%20b$/],
  ])(
    'is %s, as Entra ID and Okta register it, with the port of this login (RFC 8252 section 7.3)',
    async (uri, wire) => {
      const [asked, exchanged] = await redirectUrisOf([uri]);
      expect(asked).toMatch(wire);
      expect(exchanged).toBe(asked);
    },
  );

  it('keeps a fixed port, byte for byte', async () => {
    for (const end of ['', '/', '/callback', '/login/callback?a=b']) {
      const uri = `http://localhost:${await freePort()}${end}`;
      expect(await redirectUrisOf([uri])).toEqual([uri, uri]);
    }
  });

  it('has the next port where one is taken, and is the error where all are', async () => {
    const [taken, other] = [await occupyPort(), await occupyPort()];
    const free = await freePort();
    const uris = [taken.port, other.port, free].map((port) => `http://127.0.0.1:${port}/callback`);
    expect(await redirectUrisOf(uris)).toEqual([uris[2], uris[2]]);
    const failed = redirectUrisOf(uris.slice(0, 2));
    const message = expect.stringMatching(new RegExp(`port ${taken.port}.*port ${other.port}`));
    await expect(failed).rejects.toMatchObject({ code: 'port_unavailable', message });
  });

  it('is accepted by a real server that compares it as it is (@node-oauth/oauth2-server)', async () => {
    const uri = `http://127.0.0.1:${await freePort()}/login/callback`;
    const real = await startNodeOauthServer(uri);
    onTestFinished(() => real.close());
    const { manager } = managerAt(temporaryDirectory(), { login });
    const credentials = { ...real.public, redirect_uris: [uri], scope: 'read' };
    const token = await manager.getToken(real.metadata, credentials);
    expect(await real.accepts(token.access_token)).toBe(true);
  });

  it('contradicts the options of the login: the error names both', async () => {
    const uris = ['http://localhost:3000/cb'];
    for (const [options, message] of [
      [{ port: 5000 }, /registered with http:\/\/localhost:3000\/cb, and the option port asks for 5000/],
      [{ redirectHost: '127.0.0.1' }, /Leave out the option redirectHost.*It has http:\/\/localhost:3000\/cb/],
    ] as const)
      await expect(redirectUrisOf(uris, options)).rejects.toMatchObject({
        code: 'client_required',
        message: expect.stringMatching(message),
      });
  });
});

it('is no part of the key of a token', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('a', { refresh_token: 'r' }) });
  const directory = temporaryDirectory();
  const { openBrowser } = agreeingBrowser();
  const { manager } = managerAt(directory, { login: { openBrowser } });
  for (const redirect_uris of [undefined, ['http://localhost'], ['http://127.0.0.1/cb']])
    await manager.getToken(metadata, { client_id: 'by-hand', redirect_uris });
  expect(server.requestsTo('/token')).toHaveLength(1);
  expect(storedTokens(directory)).toHaveLength(1);
  expect(JSON.stringify(storedTokens(directory))).not.toContain('redirect_uris');
});
