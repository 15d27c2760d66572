import { join } from 'node:path';
import type { BrowserContext, Page } from '@oa-internal/testing/chromium';
import { login, type LoginOptions } from '../../packages/loopback/src/index.ts';
import { answer, callbackOf, METADATA } from './server.ts';

/** A picture of a page: its name, what the browser requests, and how the login is done. */
interface PagePicture {
  name: string;
  options?: LoginOptions;
  address: (authorizationUrl: string) => string;
  cookies?: number;
}

/** Cookies of this size make the headers too large when there are 80. */
const COOKIE_BYTES = 4000;

const PAGE_PICTURES: readonly PagePicture[] = [
  { name: 'success', address: (url) => callbackOf(url) },
  { name: 'denied', address: (url) => callbackOf(url, { error: 'access_denied' }) },
  {
    name: 'failed',
    address: (url) =>
      callbackOf(url, { error: 'invalid_scope', error_description: 'The scope admin is not allowed for my-tool.' }),
  },
  { name: 'expired', address: (url) => callbackOf(url).replace(/state=.*/, 'state=of-another-login') },
  { name: 'unverified', address: (url) => callbackOf(url).replace(/&state=.*/, '') },
  { name: 'too-large', address: (url) => callbackOf(url), cookies: 80 },
  {
    name: 'own',
    address: (url) => callbackOf(url),
    options: {
      page: ({ type, program }) =>
        `<!doctype html><html lang="de"><title>${program}</title><style>
:root { color-scheme: light dark; font: 20px/1.5 Georgia, serif }
body { margin: 0; display: grid; place-items: center; min-height: 100vh }
h1 { color: #b35900 }
</style><main role="status"><h1>${type === 'success' ? 'Angemeldet' : 'Nicht angemeldet'}</h1>
<p>Sie können dieses Fenster schließen und zu ${program} zurückkehren.</p></main></html>`,
    },
  },
];

/** Draws the pages that the browser ends on, in light and in dark colours. */
export async function drawPages(browser: BrowserContext, folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name, options, address, cookies = 0 } of PAGE_PICTURES) {
    const page = await browser.newPage();
    await page.setViewportSize({ width: 720, height: 360 });
    await addCookies(browser, cookies);
    const controller = new AbortController();
    const url = await startLogin({ ...options, signal: controller.signal });
    await page.goto(address(url));
    files.push(...(await drawBoth(page, folder, name)));
    controller.abort();
    await browser.clearCookies();
    await page.close();
  }
  return files;
}

/** Starts a login, and returns its authorization URL. */
async function startLogin(options: LoginOptions): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const ended = login(
    METADATA,
    { client_id: 'my-tool', client_name: 'my-tool' },
    {},
    {
      ...options,
      fetch: answer,
      openBrowser: () => undefined,
      print: () => undefined,
      onEvent: (event) => {
        if (event.type === 'login_waiting') resolve(event.url);
      },
    },
  );
  // The picture shows how the login ended.
  ended.catch(() => undefined);
  return promise;
}

async function addCookies(browser: BrowserContext, count: number): Promise<void> {
  const value = 'x'.repeat(COOKIE_BYTES);
  const names = Array.from({ length: count }, (_, index) => `app${index}`);
  await browser.addCookies(names.map((name) => ({ name, value, domain: '127.0.0.1', path: '/callback' })));
}

async function drawBoth(page: Page, folder: string, name: string): Promise<string[]> {
  const files: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    const file = `${name}-${colorScheme}.png`;
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, file) });
    files.push(file);
  }
  return files;
}
