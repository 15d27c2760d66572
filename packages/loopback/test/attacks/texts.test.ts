import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startsShell } from '../../src/browser.ts';
import { browserHint } from '../../src/environment.ts';
import { toTerminalText } from '../../src/terminal.ts';
import { createFakeBrowser } from '../fake-browser.ts';
import { browserHints, metadata, startLogin } from '../help.ts';

/** A line break, an escape sequence, text that runs backwards, a separator of lines. */
const CONTROL = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u;

afterEach(() => vi.unstubAllEnvs());

describe('the ssh command of the hint', () => {
  const url = new URL('http://127.0.0.1:4321/callback');
  const commandOf = (env: NodeJS.ProcessEnv): string | undefined =>
    /^ {4}(ssh .*)$/m.exec(browserHint({ env, platform: 'linux', container: false }, url, true))?.[1];

  it.each([
    { USER: 'ada\nssh evil.example' },
    { USER: '\u001b[2Jada', LOGNAME: 'ada;reboot' },
    { USER: '-oProxyCommand=reboot' },
    { SSH_CONNECTION: '192.0.2.1 50000 $(reboot) 22' },
    { SSH_CONNECTION: '192.0.2.1 50000 -oProxyCommand=reboot 22' },
    { SSH_CONNECTION: 'x x evil.example;reboot 22' },
    { SSH_CONNECTION: '\u001b[2J' },
    { SSH_CONNECTION: '1 2 \u001b]0;x\u0007 22;reboot' },
  ])('has nothing of the environment %j', (env) => {
    expect(commandOf({ SSH_CONNECTION: '192.0.2.1 50000 192.0.2.7 22', ...env })).toBe(
      'ssh -N -L 4321:127.0.0.1:4321 <host>',
    );
  });
});

describe('BROWSER', () => {
  it.each(['sh', 'bash', 'zsh', 'fish'])(
    'that is the shell %s is not started, and the user gets the hint',
    async (name) => {
      const directory = temporaryDirectory();
      try {
        const shell = await createFakeBrowser(directory, 0, name);
        vi.stubEnv('BROWSER', shell.path);
        const login = startLogin(
          metadata({ origin: 'http://127.0.0.1:1' }),
          {},
          {
            openBrowser: true,
            interaction: 'always',
            timeout: 300,
          },
        );
        await expect(login.token).rejects.toMatchObject({ code: 'login_timeout' });
        expect(browserHints(login)).toHaveLength(1);
        expect(existsSync(`${shell.path}.args`)).toBe(false);
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  );

  it.each([
    ['/bin/sh', true],
    ['/usr/bin/env bash -c %s', true],
    ['env X=1 sh -lc %s', true],
    ['cmd /c start', true],
    [String.raw`C:\Windows\System32\cmd.exe /c start`, true],
    ['POWERSHELL.EXE -Command Start-Process', true],
    ['pwsh', true],
    ['firefox', false],
    ['firefox -P sh', false],
    ['/opt/sh/firefox', false],
    ['/home/ada/browser.sh', false],
  ])('%s starts a shell: %s', (browser, expected) => {
    expect(startsShell(browser.split(' '))).toBe(expected);
  });
});

describe('before the browser opens', () => {
  it('the user sees the issuer, and the resource that the token is for', async () => {
    const printedBefore: string[] = [];
    const server = metadata({ origin: 'https://as.example:8443' });
    const parameters = { resource: ['https://api.example/mcp', 'urn:example:files'] };
    const login = startLogin(server, parameters, {
      timeout: 50,
      openBrowser: () => printedBefore.push(...login.printed),
    });
    const waiting = await login.waiting;
    expect(waiting).toMatchObject({ issuer: 'https://as.example:8443', resource: parameters.resource });
    await expect(login.token).rejects.toMatchObject({ code: 'login_timeout' });
    expect(printedBefore[0]).toMatch(
      /^To log in at as\.example:8443 for https:\/\/api\.example\/mcp and urn:example:files, open this URL /,
    );
  });

  it.each([
    // Cyrillic a, and a name that runs backwards.
    ['https://pаypal.example', undefined, 'at xn--pypal-4ve.example,'],
    ['https://as.example@evil.example', undefined, 'at evil.example,'],
    ['https://as.example/\n\u001b[2J', undefined, 'at as.example,'],
    ['\u001b[2J', undefined, 'in,'],
    ['https://as.example', 'https://good.example@evil.example/', 'at as.example for https://evil.example/,'],
    ['https://as.example', 'https://аpi.example/\u0007\u0430', 'for https://xn--pi-6kc.example/%07%D0%B0,'],
    ['https://as.example', 'urn:x  \u001b[2J', 'for urn:x%1B[2J,'],
    ['https://as.example', `https://api.example/${'x'.repeat(200)}`, `/${'x'.repeat(180)},`],
  ])('the issuer %j and the resource %j are shown without what misleads', (issuer, resource, expected) => {
    const text = toTerminalText({
      type: 'login_waiting',
      issuer,
      resource: resource === undefined ? undefined : [resource],
      url: 'U',
      redirect_uri: 'R',
      expires_in: 60,
      paste: false,
    });
    expect(text).toContain(expected);
    expect(text).not.toMatch(CONTROL);
    expect(text?.split('\n')).toHaveLength(5);
  });
});
