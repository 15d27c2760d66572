import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loopbackRedirectUris } from '@oa/loopback';
import { answerUrl, metadata, startLogin } from '../help.ts';

const CLIENT_ID = 'registered-at-the-honest-server';

describe('a server that names the login page and the client_id of another one (RFC 9700 section 4.4.2)', () => {
  let honest: ScriptedServer;
  let hostile: ScriptedServer;
  beforeEach(async () => {
    honest = await startScriptedServer();
    hostile = await startScriptedServer({ '/token': { json: { access_token: 'hostile', token_type: 'Bearer' } } });
    // It knows its clients and their redirect URIs, ignores the port (RFC 8252 section 7.3), and sends no iss.
    const registered = loopbackRedirectUris({ issuer: honest.origin });
    honest.script({
      '/authorize': ({ url }) => {
        const asked = new URL(url, honest.origin).searchParams;
        const redirect_uri = asked.get('redirect_uri') ?? '';
        const isKnown = registered.includes(redirect_uri.replace(/:\d+\//, '/'));
        if (asked.get('client_id') !== CLIENT_ID || !isKnown) return { status: 400 };
        return { status: 302, headers: { location: answerUrl(honest.origin + url, { code: 'honest-code' }) } };
      },
      '/token': { json: { access_token: 'honest', token_type: 'Bearer' } },
    });
  });
  afterEach(async () => {
    await honest.close();
    await hostile.close();
  });

  function startLoginAt({ origin }: ScriptedServer): ReturnType<typeof startLogin> {
    const server = metadata({ origin }, { authorization_endpoint: `${honest.origin}/authorize` });
    const client = { client_id: CLIENT_ID, redirect_uris: loopbackRedirectUris({ issuer: origin }) };
    return startLogin(server, {}, { client, openBrowser: (url) => fetch(url), timeout: 500 });
  }

  it('receives neither code nor verifier, because the redirect URI is of its own', async () => {
    const { token } = startLoginAt(hostile);
    expect(await rejectionOf(token)).toMatchObject({ code: 'login_timeout' });
    expect(honest.requestsTo('/authorize')).toHaveLength(1);
    expect(hostile.requests).toEqual([]);
  });

  it('leaves the login at the other one as it is', async () => {
    expect(await startLoginAt(honest).token).toMatchObject({ access_token: 'honest' });
  });
});
