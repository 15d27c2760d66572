import { rejectionOf } from '@oa-internal/testing';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { findChromium, startChromium } from '@oa-internal/testing/chromium';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLogin, callbackUrl, ipv6, metadata, sendRequest, type StartedLogin } from '../help.ts';

const chromium = findChromium();

describe.skipIf(chromium === undefined)('in Chromium', () => {
  let browser: Awaited<ReturnType<typeof startChromium>>;
  let real: AuthorizationServerHandle;
  beforeAll(async () => {
    real = await startAuthorizationServer();
    browser = await startChromium(chromium ?? '');
  });
  afterAll(async () => {
    await browser.close();
    await real.close();
  });

  function start(
    options: Parameters<typeof startLogin>[2] = {},
    more: Parameters<typeof metadata>[1] = {},
  ): StartedLogin {
    const server = metadata({ origin: real.issuer }, { authorization_response_iss_parameter_supported: true, ...more });
    return startLogin(server, { scope: 'openid read' }, { client: real.public, ...options });
  }

  /** Logs in, or denies the login, as a user does, and returns the page that the browser ends on. */
  async function logIn(
    url: string,
    decision: 'allow' | 'deny' = 'allow',
    cookies: string[] = [],
  ): ReturnType<typeof browser.newPage> {
    await browser.clearCookies();
    await addCookies(cookies);
    const page = await browser.newPage();
    await page.goto(url);
    await page.fill('input[name=login]', real.user.login);
    await page.fill('input[name=password]', real.user.password);
    // The server may ask for login and consent on one page or on two.
    for (let step = 0; step < 3 && page.url().startsWith(real.issuer); step++)
      await Promise.all([
        page.waitForEvent('framenavigated'),
        page.click(`button[value=${decision}], button:not([value])`),
      ]);
    return page;
  }

  /** Cookies of other programs on the same host. */
  async function addCookies(cookies: string[]): Promise<void> {
    await browser.addCookies(
      cookies.map((cookie) => {
        const [name = '', value = ''] = cookie.split('=');
        return { name, value, domain: '127.0.0.1', path: '/callback' };
      }),
    );
  }

  it('logs in after 100 forged callbacks and a favicon, and ends on a page without the code (RFC 9700 section 4.3)', async () => {
    const { waiting, token, events } = start();
    const { url, redirect_uri } = await waiting;
    for (let i = 0; i < 100; i++)
      expect((await sendRequest(`${redirect_uri}?code=forged&state=${i}`)).status).toBe(400);
    expect((await sendRequest(new URL('/favicon.ico', redirect_uri))).status).toBe(404);

    const problems: string[] = [];
    browser.on('console', (message) => problems.push(`${message.location().url} ${message.text()}`));
    browser.on('weberror', (error) => problems.push(error.error().message));
    const page = await logIn(url);
    await page.waitForURL(`${redirect_uri}/done`);
    expect(await page.title()).toBe('Login received');
    expect(await page.locator('h1').textContent()).toBe('Login received');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    // The content security policy allows the style, and the page loads nothing.
    expect(await page.evaluate(`getComputedStyle(document.querySelector('main')).borderTopStyle`)).toBe('solid');
    expect(
      await page.evaluate(
        `[document.scripts.length, document.referrer, performance.getEntriesByType('resource').length]`,
      ),
    ).toEqual([0, '', 0]);
    expect(await real.introspect((await token).access_token)).toMatchObject({ sub: 'ada' });
    expect(problems.filter((problem) => !problem.startsWith(real.issuer))).toEqual([]);
    // The page requests no favicon, and the history does not show the code.
    expect(events.filter(({ type }) => type === 'callback_ignored')).toHaveLength(101);
    await page.goBack();
    expect(page.url()).not.toContain('code=');
    await page.close();
  });

  it('logs in from the start address, which the same browser may open again', async () => {
    const { waiting, opened, token } = start();
    const address = await opened;
    const first = await browser.newPage();
    await first.goto(address);
    expect(first.url()).toMatch(real.issuer);
    // A browser that restores its pages requests the address again.
    await first.goto(address);
    expect(first.url()).toMatch(real.issuer);
    const page = await logIn((await waiting).url);
    await page.waitForURL(`${(await waiting).redirect_uri}/done`);
    expect(await real.introspect((await token).access_token)).toMatchObject({ sub: 'ada' });
    await first.close();
    await page.close();
  });

  it('logs in with 21 KB of cookies of other programs on 127.0.0.1, in a second tab and after a reload', async () => {
    const { waiting, token } = start({ app: 'my-tool' });
    const { url, redirect_uri } = await waiting;
    const first = await logIn(
      url,
      'allow',
      Array.from({ length: 7 }, (_, i) => `app${i}=${'x'.repeat(3000)}`),
    );
    await first.waitForURL(`${redirect_uri}/done`);
    const second = await browser.newPage();
    await Promise.all([second.goto(first.url()), first.reload()]);
    for (const page of [first, second]) {
      expect(await page.locator('h1').textContent()).toBe('Login received');
      expect(await page.locator('[role=status]').textContent()).toContain('go back to my-tool');
      await page.close();
    }
    expect(await real.introspect((await token).access_token)).toMatchObject({ sub: 'ada' });
  });

  it('shows that there are too many cookies above 256 KiB', async () => {
    const { waiting, token, events } = start();
    const { url, redirect_uri } = await waiting;
    const page = await browser.newPage();
    await addCookies(Array.from({ length: 80 }, (_, i) => `app${i}=${'x'.repeat(4000)}`));
    await page.goto(callbackUrl({ url, redirect_uri }, { code: 'c' }).href);
    expect(await page.locator('h1').textContent()).toBe('Your browser sent too many cookies');
    expect(events).toContainEqual({ type: 'callback_ignored', reason: 'headers', count: 1, paste: false });
    await page.close();
    const other = await logIn(url);
    await other.waitForURL(`${redirect_uri}/done`);
    await token;
    await other.close();
  });

  it('shows a page of the program, with its style', async () => {
    const { waiting, token } = start({
      page: ({ type }) =>
        `<!doctype html><html lang="de"><style>h1 { color: rgb(1, 2, 3) }</style><h1>Angemeldet: ${type}</h1>`,
    });
    const page = await logIn((await waiting).url);
    await page.waitForURL(`${(await waiting).redirect_uri}/done`);
    expect(await page.locator('h1').textContent()).toBe('Angemeldet: success');
    expect(await page.evaluate(`getComputedStyle(document.querySelector('h1')).color`)).toBe('rgb(1, 2, 3)');
    await token;
    await page.close();
  });

  it('shows that another program has opened the start address', async () => {
    const { opened, token } = start();
    const address = await opened;
    await sendRequest(address);
    const page = await browser.newPage();
    await page.goto(address);
    expect(await page.locator('h1').textContent()).toBe('Login failed');
    expect(await page.locator('p').first().textContent()).toMatch(/^Another program has opened this login/);
    expect(await rejectionOf(token)).toMatchObject({ code: 'login_intercepted' });
    await page.close();
  });

  it('shows light or dark colours, as the system does', async () => {
    const { waiting, token } = start();
    const page = await logIn((await waiting).url);
    const colours: unknown[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      colours.push(await page.evaluate(`getComputedStyle(document.querySelector('main')).backgroundColor`));
    }
    expect(colours).toEqual(['rgb(255, 255, 255)', 'rgb(22, 27, 34)']);
    await token;
    await page.close();
  });

  it('shows a denial to the user and to the program (RFC 6749 section 4.1.2.1)', async () => {
    const { waiting, token } = start();
    const page = await logIn((await waiting).url, 'deny');
    expect(await page.locator('h1').textContent()).toBe('Login denied');
    expect(await page.locator('code').textContent()).toBe('access_denied');
    expect(await rejectionOf(token)).toMatchObject({ code: 'oauth_error', error: 'access_denied' });
    await page.close();
  });

  it('shows a failed login if the response names another issuer (RFC 9207 section 2.4)', async () => {
    const { waiting, token } = start({}, { issuer: `${real.issuer}/` });
    const page = await logIn((await waiting).url);
    expect(await page.locator('h1').textContent()).toBe('Login failed');
    expect(await rejectionOf(token)).toMatchObject({ code: 'issuer_mismatch' });
    await page.close();
  });

  it('shows a failed login if an announced iss is missing (RFC 9207 section 2.4)', async () => {
    const { waiting, token } = start();
    const page = await browser.newPage();
    await page.goto(callbackUrl(await waiting, { code: 'c' }).href);
    expect(await page.locator('h1').textContent()).toBe('Login failed');
    expect(await rejectionOf(token)).toMatchObject({ code: 'issuer_mismatch' });
    await page.close();
  });

  it.skipIf(!ipv6)('receives the callback over IPv6 (needs ::1)', async () => {
    const { waiting, token } = start({ redirectHost: '[::1]' });
    const page = await logIn((await waiting).url);
    expect(page.url()).toMatch(/^http:\/\/\[::1\]:\d+\/callback\/done$/);
    await token;
    await page.close();
  });

  it('closes the port after the timeout, and shows the expired page during a new login on the same port', async () => {
    const first = start({ timeout: 100 });
    const { url, redirect_uri } = await first.waiting;
    expect(await rejectionOf(first.token)).toMatchObject({ code: 'login_timeout' });
    const late = await logIn(url);
    expect(late.url()).toMatch(/^chrome-error:/);
    await late.close();

    const second = start({ port: Number(new URL(redirect_uri).port) });
    const event = await second.waiting;
    const page = await logIn(url);
    expect(await page.locator('h1').textContent()).toBe('This login has expired');
    await page.close();
    const other = await logIn(event.url);
    await other.waitForURL(`${event.redirect_uri}/done`);
    expect(await other.title()).toBe('Login received');
    await second.token;
    await other.close();
  });
});
