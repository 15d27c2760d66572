import { rejectionOf } from '@oa-internal/testing';
import { mkdir, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { findChromium, startChromium } from '@oa-internal/testing/chromium';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { begin, callback, ipv6, metadata, send, type Begun } from './help.ts';

/** The directory for screenshots; none are taken unless it is named. The README shows those of `docs/images`. */
const pictures = process.env['OA_SCREENSHOTS'];
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

  function start(options: Parameters<typeof begin>[2] = {}, more: Parameters<typeof metadata>[1] = {}): Begun {
    const server = metadata({ origin: real.issuer }, { authorization_response_iss_parameter_supported: true, ...more });
    return begin(server, { scope: 'openid read' }, { client: real.public, ...options });
  }

  /** Does what a person does, as far as the page that the browser ends on. */
  async function logIn(url: string, decision: 'allow' | 'deny' = 'allow'): ReturnType<typeof browser.newPage> {
    await browser.clearCookies();
    const page = await browser.newPage();
    await page.goto(url);
    await page.fill('input[name=login]', real.user.login);
    await page.fill('input[name=password]', real.user.password);
    // The server may ask for the login and for consent in one page or in two.
    for (let step = 0; step < 3 && page.url().startsWith(real.issuer); step++)
      await Promise.all([
        page.waitForEvent('framenavigated'),
        page.click(`button[value=${decision}], button:not([value])`),
      ]);
    return page;
  }

  async function picture(page: Awaited<ReturnType<typeof logIn>>, name: string): Promise<void> {
    if (pictures === undefined) return;
    await mkdir(pictures, { recursive: true });
    await page.setViewportSize({ width: 720, height: 360 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${pictures}/${name}-${colorScheme}.png` });
    }
  }

  it('B6, B10: after 100 forged callbacks and a favicon, a person logs in and ends on a page without the code', async () => {
    const { waiting, token, events } = start();
    const { url, redirect_uri } = await waiting;
    for (let i = 0; i < 100; i++) expect((await send(`${redirect_uri}?code=forged&state=${i}`)).status).toBe(400);
    expect((await send(new URL('/favicon.ico', redirect_uri))).status).toBe(404);

    const problems: string[] = [];
    browser.on('console', (message) => problems.push(`${message.location().url} ${message.text()}`));
    browser.on('weberror', (error) => problems.push(error.error().message));
    const page = await logIn(url);
    await page.waitForURL(`${redirect_uri}/done`);
    expect(await page.title()).toBe('Login received');
    expect(await page.locator('h1').textContent()).toBe('Login received');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    // The style got past the policy, and nothing else asked for anything.
    expect(await page.evaluate(`getComputedStyle(document.querySelector('main')).borderTopStyle`)).toBe('solid');
    expect(
      await page.evaluate(
        `[document.scripts.length, document.referrer, performance.getEntriesByType('resource').length]`,
      ),
    ).toEqual([0, '', 0]);
    await picture(page, 'success');
    expect(await real.introspect((await token).access_token)).toMatchObject({ sub: 'ada' });
    expect(problems.filter((problem) => !problem.startsWith(real.issuer))).toEqual([]);
    // No favicon came after the page, and nothing of the history shows the code.
    expect(events.filter(({ type }) => type === 'callback_ignored')).toHaveLength(101);
    await page.goBack();
    expect(page.url()).not.toContain('code=');
    await page.close();
  });

  it('B10: light and dark follow the system', async () => {
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

  it('B8: a person who denies sees that, and so does the program', async () => {
    const { waiting, token } = start();
    const page = await logIn((await waiting).url, 'deny');
    expect(await page.locator('h1').textContent()).toBe('Login denied');
    expect(await page.locator('code').textContent()).toBe('access_denied');
    await picture(page, 'denied');
    expect(await rejectionOf(token)).toMatchObject({ code: 'oauth_error', error: 'access_denied' });
    await page.close();
  });

  it('A7: an answer of another issuer is a failed login', async () => {
    const { waiting, token } = start({}, { issuer: `${real.issuer}/` });
    const page = await logIn((await waiting).url);
    expect(await page.locator('h1').textContent()).toBe('Login failed');
    await picture(page, 'failed');
    expect(await rejectionOf(token)).toMatchObject({ code: 'issuer_mismatch' });
    await page.close();
  });

  it('A7: a missing iss where the server announces it is a failed login', async () => {
    const { waiting, token } = start();
    const page = await browser.newPage();
    await page.goto(callback(await waiting, { code: 'c' }).href);
    expect(await page.locator('h1').textContent()).toBe('Login failed');
    expect(await rejectionOf(token)).toMatchObject({ code: 'issuer_mismatch' });
    await page.close();
  });

  it.skipIf(!ipv6)('B3: the callback arrives over IPv6 only (needs ::1)', async () => {
    const { waiting, token } = start({ redirectHost: '[::1]' });
    const page = await logIn((await waiting).url);
    expect(page.url()).toMatch(/^http:\/\/\[::1\]:\d+\/callback\/done$/);
    await token;
    await page.close();
  });

  it('B12: who comes back after the time is over finds the port closed; a new login on that port says so, and goes on', async () => {
    const first = start({ timeout: 100 });
    const { url, redirect_uri } = await first.waiting;
    expect(await rejectionOf(first.token)).toMatchObject({ code: 'login_timeout' });
    const late = await logIn(url);
    expect(late.url()).toMatch(/^chrome-error:/);
    await late.close();

    const second = start({ port: Number(new URL(redirect_uri).port) });
    const told = await second.waiting;
    const page = await logIn(url);
    expect(await page.locator('h1').textContent()).toBe('This login has expired');
    await picture(page, 'expired');
    await page.close();
    const other = await logIn(told.url);
    await other.waitForURL(`${told.redirect_uri}/done`);
    expect(await other.title()).toBe('Login received');
    await second.token;
    await other.close();
  });
});

it.skipIf(pictures !== undefined)('the screenshots of the README are there', async () => {
  const folder = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
  const names = ['success', 'denied', 'failed', 'expired'].flatMap((name) => [`${name}-light.png`, `${name}-dark.png`]);
  expect(await readdir(folder)).toEqual(expect.arrayContaining(names));
});
