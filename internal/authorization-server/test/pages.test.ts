import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, startChromium, type BrowserContext, type Page } from '@oa-internal/testing/chromium';
import { startAuthorizationServer, type AuthorizationServerHandle } from '../src/index.ts';

const chromium = findChromium();

/** Presses a button that redirects to the client, and resolves to the parameters that the client receives. */
async function redirected(page: Page, press: () => Promise<void>): Promise<URLSearchParams> {
  const request = page.waitForRequest(/127\.0\.0\.1:1\/callback/);
  await press();
  return new URL((await request).url()).searchParams;
}

describe.skipIf(chromium === undefined)('a user in Chromium', () => {
  let server: AuthorizationServerHandle;
  let browser: BrowserContext;
  beforeAll(async () => {
    server = await startAuthorizationServer();
    browser = await startChromium(chromium ?? '');
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  /** Opens a login that redirects to a port without a listener: the test only reads the address. */
  async function openLogin(): Promise<Page> {
    await browser.clearCookies();
    const page = await browser.newPage();
    await page.goto(
      `${server.issuer}/authorize?${new URLSearchParams({
        response_type: 'code',
        client_id: server.public.client_id,
        redirect_uri: 'http://127.0.0.1:1/callback',
        scope: 'read write',
        state: 'x',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
      }).toString()}`,
    );
    return page;
  }

  it('can log in after a wrong password, and allow the access', async () => {
    const page = await openLogin();
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    expect(await page.getByRole('alert').textContent()).toBe('Wrong name or password.');
    await page.getByLabel('Name').fill(server.user.login);
    await page.getByLabel('Password').fill(server.user.password);
    await page.getByLabel('Password').press('Enter');
    expect(await page.getByRole('listitem').allTextContents()).toEqual(['read', 'write']);
    const callback = await redirected(page, () => page.getByRole('button', { name: 'Allow' }).click());
    expect(callback.get('code')).toMatch(/.{20}/);
    expect(callback.get('iss')).toBe(server.issuer);
  });

  it('can deny the access', async () => {
    const page = await openLogin();
    await page.getByRole('button', { name: 'Log in' }).click();
    const callback = await redirected(page, () => page.getByRole('button', { name: 'Deny' }).click());
    expect(callback.get('error')).toBe('access_denied');
  });

  it('can connect a device with its code', async () => {
    await browser.clearCookies();
    const started = await fetch(`${server.issuer}/device_authorization`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: server.public.client_id }),
    });
    const { user_code, verification_uri } = (await started.json()) as Record<string, string>;
    const page = await browser.newPage();
    await page.goto(verification_uri ?? '');
    await page.getByLabel('Enter the code').fill('WRNG-CODE');
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await page.getByRole('alert').textContent()).toBe('the code was not found');
    await page.getByLabel('Enter the code').fill(user_code ?? '');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'The code is the same' }).click();
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    expect(await page.getByRole('heading').textContent()).toBe('The device is connected');
  });

  it('sees an explanation on a page of a login that has ended', async () => {
    const page = await browser.newPage();
    await page.goto(`${server.issuer}/interaction/ended`);
    expect(await page.getByRole('alert').textContent()).toContain('Start again');
  });
});

it('prints nothing', async () => {
  const program = `
    import { startAuthorizationServer } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const server = await startAuthorizationServer();
    const post = (path, form) => fetch(server.issuer + path, { method: 'POST', body: new URLSearchParams(form) });
    const started = await post('/device_authorization', { client_id: server.public.client_id });
    const { device_code, verification_uri_complete } = await started.json();
    await server.approveDevice(verification_uri_complete);
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
    const token = await (await post('/token', { grant_type, client_id: server.public.client_id, device_code })).json();
    await post('/revoke', { client_id: server.public.client_id, token: token.refresh_token });
    await post('/introspect', { ...server.confidential, token: token.access_token });
    await fetch(server.issuer + '/authorize');
    await fetch(server.issuer + '/nowhere');
    await server.close();`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  expect([stdout, stderr]).toEqual(['', '']);
});
