import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { openInBrowser, parseBrowserCommands, sanitizeUrl } from '../src/browser.ts';
import { createFakeBrowser } from './fake-browser.ts';
import { startLogin, finishLogin, grantTokens, metadata, browserHints, sendRequest } from './help.ts';

let scripted: ScriptedServer;
let directory: string;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
  directory = temporaryDirectory();
});
afterAll(async () => {
  await scripted.close();
  await rm(directory, { recursive: true });
});
afterEach(() => vi.unstubAllEnvs());

it('starts the program in BROWSER with the URL as one argument, and without a shell', async () => {
  const browser = await createFakeBrowser(directory);
  vi.stubEnv('BROWSER', `${browser.path} --new "a b"`);
  const marker = join(directory, 'pwned');
  const login = startLogin(
    metadata(scripted, { authorization_endpoint: `${scripted.origin}/$(touch ${marker})/\`touch ${marker}\`/;'x'` }),
    {},
    { openBrowser: true, interaction: 'always' },
  );
  const { url, redirect_uri } = await login.waiting;
  const [first, second, address = '', ...rest] = await browser.readArguments();
  expect([first, second, rest]).toEqual(['--new', 'a b', []]);
  expect(new URL(address).origin).toBe(new URL(redirect_uri).origin);
  // The address redirects to the URL of the server, which the user may copy to a shell.
  expect((await sendRequest(address)).headers.location).toBe(url);
  expect(url).not.toMatch(/[$`'"()\s]/);
  await expect(readFile(marker)).rejects.toThrow('ENOENT');
  await finishLogin(login);
  expect(browserHints(login)).toEqual([]);
});

it('emits browser_unavailable if the browser exits with an error', async () => {
  const browser = await createFakeBrowser(directory, 3);
  vi.stubEnv('BROWSER', browser.path);
  const login = startLogin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  await vi.waitFor(() => expect(browserHints(login)).toHaveLength(1), { timeout: 20_000 });
  expect(login.printed).toContain(`${browserHints(login)[0]}\n`);
  await finishLogin(login);
});

it('emits browser_unavailable if the browser does not exist', async () => {
  vi.stubEnv('BROWSER', join(directory, 'missing'));
  const login = startLogin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  await vi.waitFor(() => expect(browserHints(login)).toHaveLength(1), { timeout: 20_000 });
  await finishLogin(login);
});

it('uses xdg-open without BROWSER, and notices its failure', async () => {
  vi.stubEnv('BROWSER', '');
  vi.stubEnv('PATH', directory);
  vi.stubEnv('DISPLAY', ':99');
  for (const name of ['XDG_CURRENT_DESKTOP', 'WAYLAND_DISPLAY']) vi.stubEnv(name, '');
  let failures = 0;
  await openInBrowser('http://127.0.0.1:1/', () => (failures += 1));
  await vi.waitFor(() => expect(failures).toBe(1), { timeout: 10_000 });
});

it('refuses URLs that are not http(s), and encodes all characters that a shell could interpret', () => {
  for (const url of ['javascript:alert(1)', 'file:///etc/passwd', 'calculator:', 'ms-settings:x'])
    expect(() => sanitizeUrl(new URL(url))).toThrow(TypeError);
  const nasty = sanitizeUrl(new URL('https://as.example/$(calc)/`id`/a|b^c?x="y"&z=\'<>\\{}'));
  expect(nasty).not.toMatch(/["'`$()|<>^\\{}\s]/);
  expect(new URL(nasty).searchParams.get('z')).toBe("'<>\\{}");
});

it.each([
  [undefined, []],
  ['', []],
  ['firefox', [['firefox', 'URL']]],
  [
    'firefox:chromium -n',
    [
      ['firefox', 'URL'],
      ['chromium', '-n', 'URL'],
    ],
  ],
  [String.raw`C:\x\firefox.exe`, [[String.raw`C:\x\firefox.exe`, 'URL']]],
  [
    'C:/x/firefox.exe:chromium',
    [
      ['C:/x/firefox.exe', 'URL'],
      ['chromium', 'URL'],
    ],
  ],
  ['firefox --url=%s -x', [['firefox', '--url=URL', '-x']]],
  ['"/opt/My Browser/run" -n', [['/opt/My Browser/run', '-n', 'URL']]],
  ["open -a 'My Browser' '%s' &", [['open', '-a', 'My Browser', 'URL']]],
  [
    'chromium --proxy-server=localhost:3128 --app=https://viewer.example/?u=%s:firefox',
    [
      ['chromium', '--proxy-server=localhost:3128', '--app=https://viewer.example/?u=URL'],
      ['firefox', 'URL'],
    ],
  ],
])('parses BROWSER=%s', (browser, commands) => {
  expect(parseBrowserCommands(browser, 'URL')).toEqual(commands);
  expect(parseBrowserCommands('b %s', '$&')).toEqual([['b', '$&']]);
});

it('tries each program of BROWSER in turn, also one whose path has spaces', async () => {
  const failing = await createFakeBrowser(directory, 3);
  const spaced = await createFakeBrowser(directory, 0, 'my browser');
  vi.stubEnv('BROWSER', `${join(directory, 'missing')}:sh:${failing.path}:${spaced.path}`);
  const login = startLogin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  const [address] = await spaced.readArguments();
  expect(await failing.readArguments()).toEqual([address]);
  await finishLogin(login);
  expect(browserHints(login)).toEqual([]);
});

it('starts a program whose path has spaces, with the arguments after it', async () => {
  const spaced = await createFakeBrowser(directory, 0, 'my other browser');
  expect(parseBrowserCommands(`${spaced.path} --new "a b" %s`, 'URL')).toEqual([[spaced.path, '--new', 'a b', 'URL']]);
  expect(parseBrowserCommands(` ${spaced.path} `, 'URL')).toEqual([[spaced.path, 'URL']]);
  expect(parseBrowserCommands(`"${spaced.path}" --new`, 'URL')).toEqual([[spaced.path, '--new', 'URL']]);
  expect(parseBrowserCommands(`${directory}/my missing browser`, 'URL')).toEqual([
    [`${directory}/my`, 'missing', 'browser', 'URL'],
  ]);
});

it('starts no second browser after one has opened the address, because that would end the login', async () => {
  const opening = join(directory, 'opening');
  const second = await createFakeBrowser(directory);
  const fetchUrl = `fetch(process.argv[1], { redirect: 'manual' })`;
  await writeFile(opening, `#!/bin/sh\n"${process.execPath}" -e "${fetchUrl}" "$1"\ntouch "$0.done"\nexit 1\n`);
  await chmod(opening, 0o755);
  vi.stubEnv('BROWSER', `${opening}:${second.path}`);
  const login = startLogin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  await vi.waitFor(() => readFile(`${opening}.done`), { timeout: 20_000 });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await expect(readFile(`${second.path}.args`)).rejects.toThrow('ENOENT');
  await finishLogin(login);
});

it('names the programs of BROWSER that failed', async () => {
  const failing = await createFakeBrowser(directory, 3);
  vi.stubEnv('BROWSER', `${join(directory, 'missing')}:${failing.path}`);
  const login = startLogin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  await vi.waitFor(() => expect(browserHints(login)).toHaveLength(1), { timeout: 20_000 });
  expect(browserHints(login)[0]).toContain(`(tried ${join(directory, 'missing')}, ${failing.path})`);
  await finishLogin(login);
});
