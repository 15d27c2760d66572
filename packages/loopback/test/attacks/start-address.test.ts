import { rm } from 'node:fs/promises';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, temporaryDirectory } from '@oa-internal/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFakeBrowser } from '../fake-browser.ts';
import {
  answerUrl,
  callbackUrl,
  finishLogin,
  followCallback,
  grantTokens,
  metadata,
  sendRequest,
  startLogin,
} from '../help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
beforeEach(() => {
  scripted.requests.length = 0;
});
afterAll(() => scripted.close());

const START_ADDRESS = /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{43}$/;
const INTERCEPTED = 'Another program has opened this login, so it has ended.';

describe('the start address', () => {
  it('is all that a launcher gets: neither state nor challenge is among the arguments of the browser (RFC 9700 section 4.7)', async () => {
    const directory = temporaryDirectory();
    try {
      const browser = await createFakeBrowser(directory);
      vi.stubEnv('BROWSER', browser.path);
      const login = startLogin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
      const [address = ''] = await browser.readArguments();
      expect(address).toMatch(START_ADDRESS);
      await finishLogin(login);
      const other = startLogin(metadata(scripted));
      expect(await other.opened).toMatch(START_ADDRESS);
      expect(await other.opened).not.toBe(address);
      await finishLogin(other);
    } finally {
      vi.unstubAllEnvs();
      await rm(directory, { recursive: true });
    }
  });

  it('redirects to the authorization URL, which the terminal and the event show for another machine', async () => {
    const { waiting, opened, token, printed } = startLogin(metadata(scripted));
    const { url } = await waiting;
    const { status, headers, body } = await sendRequest(await opened);
    expect([status, headers.location, body]).toEqual([303, url, '']);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
    expect(printed[0]).toContain(`\n\n${url}\n\n`);
    await followCallback(callbackUrl(await waiting, { code: 'c' }));
    await token;
  });

  it('is followed by a program that only fetches it', async () => {
    scripted.script({
      '/authorize': ({ url }) => ({
        status: 302,
        headers: { location: answerUrl(scripted.origin + url, { code: 'c' }) },
      }),
      '/token': { json: { access_token: 'fetched', token_type: 'Bearer' } },
    });
    const { token } = startLogin(metadata(scripted), {}, { openBrowser: (url) => fetch(url) });
    expect(await token).toMatchObject({ access_token: 'fetched' });
    grantTokens(scripted);
  });

  it('works again for the browser that opened it first, and not after the login', async () => {
    const { waiting, opened, token } = startLogin(metadata(scripted));
    const address = await opened;
    const first = await sendRequest(address);
    const [cookie = '', ...attributes] = String(first.headers['set-cookie']).split('; ');
    expect(attributes).toEqual([`Path=${new URL(address).pathname}`, 'HttpOnly', 'SameSite=Lax']);
    const again = await sendRequest(address, { headers: { cookie: `other=1; ${cookie}` } });
    expect([again.status, again.headers.location]).toEqual([303, first.headers.location]);
    const callback = callbackUrl(await waiting, { code: 'c' });
    await sendRequest(callback);
    const late = await sendRequest(address, { headers: { cookie } });
    expect([late.status, late.headers.location]).toEqual([400, undefined]);
    expect(late.body).toContain('This login has expired');
    await sendRequest(new URL('/callback/done', callback));
    await token;
  });

  it('is not used up by a request with another method, host or path', async () => {
    const { waiting, opened, token } = startLogin(metadata(scripted));
    const address = await opened;
    expect((await sendRequest(address, { method: 'HEAD' })).status).toBe(405);
    expect((await sendRequest(address, { headers: { host: 'evil.example' } })).status).toBe(404);
    expect((await sendRequest(`${address}/`)).status).toBe(404);
    expect((await sendRequest(address)).status).toBe(303);
    await followCallback(callbackUrl(await waiting, { code: 'c' }));
    await token;
  });
});

describe('a second program at the start address ends the login visibly', () => {
  it('before a code arrives', async () => {
    const { opened, token } = startLogin(metadata(scripted));
    const address = await opened;
    await sendRequest(address);
    const second = await sendRequest(address, { headers: { cookie: 'login=guessed' } });
    expect([second.status, second.headers.location]).toEqual([400, undefined]);
    expect(second.body).toContain(INTERCEPTED);
    expect(await rejectionOf(token)).toMatchObject({ code: 'login_intercepted', retryable: false });
    expect(scripted.requests).toEqual([]);
  });

  it('also if the first program has delivered a code: no token of it is used', async () => {
    const { opened, token, events } = startLogin(metadata(scripted));
    const address = await opened;
    const thief = await sendRequest(address);
    const delivered = await sendRequest(answerUrl(thief.headers.location ?? '', { code: 'foreign' }));
    expect(delivered.status).toBe(303);
    const browser = await sendRequest(address);
    expect(browser.body).toContain(INTERCEPTED);
    expect(await rejectionOf(token)).toMatchObject({ code: 'login_intercepted' });
    expect(events.map(({ type }) => type)).not.toContain('code_exchanged');
  });

  it('if both come at once: one is redirected', async () => {
    const { opened, token } = startLogin(metadata(scripted));
    const address = await opened;
    const answers = await Promise.all([sendRequest(address), sendRequest(address)]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303, 400]));
    expect(await rejectionOf(token)).toMatchObject({ code: 'login_intercepted' });
  });
});
