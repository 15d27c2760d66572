import { readFile, rm } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, temporaryDirectory } from '@oa-internal/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createFakeBrowser } from './fake-browser.ts';
import {
  followCallback,
  startLogin,
  callbackUrl,
  canConnect,
  finishLogin,
  grantTokens,
  metadata,
  sendRequest,
  browserHints,
} from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());
afterEach(() => vi.unstubAllEnvs());

it('prints and emits the same URL, and opens a browser that ends there', async () => {
  const opened: string[] = [];
  const { waiting, token, printed } = startLogin(metadata(scripted), {}, { openBrowser: (url) => opened.push(url) });
  const { url } = await waiting;
  expect(printed[0]).toContain(`\n\n${url}\n\n`);
  expect(opened).toHaveLength(1);
  expect((await sendRequest(opened[0] ?? '')).headers.location).toBe(url);
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  await token;
});

it('calls the function openBrowser, and goes on if it fails', async () => {
  for (const openBrowser of [
    () => Promise.reject(new Error('no')),
    () => {
      throw new Error('no');
    },
  ]) {
    const login = startLogin(metadata(scripted), {}, { openBrowser });
    await login.waiting;
    await vi.waitFor(() => expect(browserHints(login)).toHaveLength(1), { timeout: 20_000 });
    await finishLogin(login);
  }
});

it('ignores a failure of openBrowser after the login', async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const login = startLogin(metadata(scripted), {}, { openBrowser: () => promise });
  await finishLogin(login);
  reject(new Error('late'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(browserHints(login)).toEqual([]);
});

it('neither opens a browser nor emits a hint with openBrowser: false', async () => {
  const directory = temporaryDirectory();
  try {
    const browser = await createFakeBrowser(directory);
    vi.stubEnv('BROWSER', browser.path);
    const login = startLogin(metadata(scripted), {}, { openBrowser: false, interaction: 'always' });
    await finishLogin(login);
    expect(browserHints(login)).toEqual([]);
    await expect(readFile(`${browser.path}.args`)).rejects.toThrow('ENOENT');
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('starts no browser without a screen, and emits a hint for the user', async () => {
  for (const name of ['BROWSER', 'DISPLAY', 'WAYLAND_DISPLAY', 'WSL_DISTRO_NAME', 'WSL_INTEROP']) vi.stubEnv(name, '');
  vi.stubEnv('SSH_CONNECTION', '192.0.2.1 50000 192.0.2.7 22');
  vi.stubEnv('USER', 'ada');
  const login = startLogin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  const { port } = new URL((await login.waiting).redirect_uri);
  await vi.waitFor(() => expect(browserHints(login)).toHaveLength(1), { timeout: 20_000 });
  expect(browserHints(login)[0]).toContain(`\n    ssh -N -L ${port}:127.0.0.1:${port} <host>\n`);
  expect(browserHints(login)[0]).not.toContain('192.0.2');
  await finishLogin(login);
});

describe('ends the login', () => {
  it('after its timeout, with the usual causes in the message', async () => {
    const { waiting, token, events } = startLogin(metadata(scripted), {}, { timeout: 300 });
    const { redirect_uri, expires_in } = await waiting;
    expect(expires_in).toBe(0.3);
    const error = await rejectionOf(token);
    expect(error).toMatchObject({ code: 'login_timeout', retryable: false });
    expect(error.message).toContain(`not registered (this login used ${redirect_uri})`);
    expect(error.message).toContain('unknown scope');
    expect(await canConnect('127.0.0.1', Number(new URL(redirect_uri).port))).toBe(false);
    expect(events.map((event) => event.type)).toEqual(['login_waiting']);
  });

  it('after an abort, with the reason of the signal', async () => {
    const controller = new AbortController();
    const { waiting, token } = startLogin(metadata(scripted), {}, { signal: controller.signal });
    const { redirect_uri } = await waiting;
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(token).rejects.toBe(reason);
    expect(await canConnect('127.0.0.1', Number(new URL(redirect_uri).port))).toBe(false);
    const opened: string[] = [];
    const late = startLogin(
      metadata(scripted),
      {},
      { signal: controller.signal, openBrowser: (url) => opened.push(url) },
    );
    late.waiting.catch(() => opened.push('never'));
    await expect(late.token).rejects.toBe(reason);
  });

  it('with the error that an event handler threw for a request', async () => {
    const bug = new Error('bug in a handler');
    const { waiting, token } = startLogin(
      metadata(scripted),
      {},
      {
        onEvent: (event) => {
          if (event.type === 'callback_ignored') throw bug;
        },
      },
    );
    await expect(sendRequest(new URL('/x', (await waiting).redirect_uri))).rejects.toThrow('socket hang up');
    await expect(token).rejects.toBe(bug);
  });
});

it.each(['invalid_callback', 'state_mismatch'])(
  'ends the login with the error that an event handler threw for a pasted line (%s)',
  async (code) => {
    const bug = new Error('bug in a handler');
    const input = new PassThrough();
    const { waiting, token } = startLogin(
      metadata(scripted),
      {},
      {
        paste: { input, output: new PassThrough() },
        onEvent: (event) => {
          if (event.type === 'pasted_ignored' && event.code === code) throw bug;
        },
      },
    );
    const { redirect_uri } = await waiting;
    input.write(code === 'state_mismatch' ? `${redirect_uri}?code=c&state=other\n` : 'x\n');
    await expect(token).rejects.toBe(bug);
  },
);
