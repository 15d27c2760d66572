import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { browserCommand, inert, openInBrowser } from '../src/browser.ts';
import { hasScreen, hintFor, somebodyThere, type Surroundings } from '../src/environment.ts';
import { arrive, begin, callback, grantTokens, metadata, type Begun } from './help.ts';

let scripted: ScriptedServer;
let directory: string;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
  directory = await mkdtemp(join(tmpdir(), 'oa-browser-'));
});
afterAll(async () => {
  await scripted.close();
  await rm(directory, { recursive: true });
});
afterEach(() => vi.unstubAllEnvs());

/** A browser that writes its arguments to a file, one a line, and exits. */
async function fakeBrowser(status = 0): Promise<{ path: string; said: () => Promise<string[]> }> {
  const path = join(directory, `browser-${Math.random()}`);
  await writeFile(path, `#!/bin/sh\nprintf '%s\\n' "$@" > "$0.part"\nmv "$0.part" "$0.args"\nexit ${status}\n`);
  await chmod(path, 0o755);
  const said = async (): Promise<string[]> => (await readFile(`${path}.args`, 'utf8')).trimEnd().split('\n');
  return { path, said: () => vi.waitFor(said, { timeout: 10_000, interval: 20 }) };
}

async function finish({ waiting, token }: Begun): Promise<void> {
  await arrive(callback(await waiting, { code: 'c' }));
  await token;
}

function unavailable({ events }: Begun): string[] {
  return events.flatMap((event) => (event.type === 'browser_unavailable' ? [event.hint] : []));
}

it('BROWSER is the program that gets the URL, as one argument and without a shell', async () => {
  const browser = await fakeBrowser();
  vi.stubEnv('BROWSER', `${browser.path} --new "a b"`);
  const marker = join(directory, 'pwned');
  const login = begin(
    metadata(scripted, { authorization_endpoint: `${scripted.origin}/$(touch ${marker})/\`touch ${marker}\`/;'x'` }),
    {},
    { openBrowser: true, interaction: 'always' },
  );
  const { url } = await login.waiting;
  expect(await browser.said()).toEqual(['--new', 'a b', url]);
  expect(url).not.toMatch(/[$`'"()\s]/);
  await expect(readFile(marker)).rejects.toThrow('ENOENT');
  await finish(login);
  expect(unavailable(login)).toEqual([]);
});

it('a browser that ends with an error is noticed while the login waits', async () => {
  const browser = await fakeBrowser(3);
  vi.stubEnv('BROWSER', browser.path);
  const login = begin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  await vi.waitFor(() => expect(unavailable(login)).toHaveLength(1), { timeout: 10_000 });
  expect(login.printed).toContain(`${unavailable(login)[0]}\n`);
  await finish(login);
});

it('a browser that does not exist crashes nothing', async () => {
  vi.stubEnv('BROWSER', join(directory, 'missing'));
  const login = begin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  await vi.waitFor(() => expect(unavailable(login)).toHaveLength(1));
  await finish(login);
});

it('without BROWSER the system decides: open finds xdg-open, and its failure is noticed', async () => {
  vi.stubEnv('BROWSER', '');
  vi.stubEnv('PATH', directory);
  vi.stubEnv('DISPLAY', ':99');
  for (const name of ['XDG_CURRENT_DESKTOP', 'WAYLAND_DISPLAY']) vi.stubEnv(name, '');
  let failures = 0;
  await openInBrowser('http://127.0.0.1:1/', () => (failures += 1));
  await vi.waitFor(() => expect(failures).toBe(1), { timeout: 10_000 });
});

it('a function is called instead, and its failure is not the end of the login', async () => {
  for (const openBrowser of [
    () => Promise.reject(new Error('no')),
    () => {
      throw new Error('no');
    },
  ]) {
    const login = begin(metadata(scripted), {}, { openBrowser });
    await login.waiting;
    await vi.waitFor(() => expect(unavailable(login)).toHaveLength(1));
    await finish(login);
  }
});

it('a failure after the login is nobody’s business any more', async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const login = begin(metadata(scripted), {}, { openBrowser: () => promise });
  await finish(login);
  reject(new Error('too late'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(unavailable(login)).toEqual([]);
});

it('false opens nothing and says nothing', async () => {
  const browser = await fakeBrowser();
  vi.stubEnv('BROWSER', browser.path);
  const login = begin(metadata(scripted), {}, { openBrowser: false, interaction: 'always' });
  await finish(login);
  expect(unavailable(login)).toEqual([]);
  await expect(readFile(`${browser.path}.args`)).rejects.toThrow('ENOENT');
});

it('without a screen no browser is started, and the person is told what to do', async () => {
  for (const name of ['BROWSER', 'DISPLAY', 'WAYLAND_DISPLAY', 'WSL_DISTRO_NAME', 'WSL_INTEROP']) vi.stubEnv(name, '');
  vi.stubEnv('SSH_CONNECTION', '192.0.2.1 50000 192.0.2.7 22');
  vi.stubEnv('USER', 'ada');
  const login = begin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
  const { port } = new URL((await login.waiting).redirect_uri);
  await vi.waitFor(() => expect(unavailable(login)).toHaveLength(1));
  expect(unavailable(login)[0]).toContain(`\n    ssh -N -L ${port}:127.0.0.1:${port} ada@192.0.2.7\n`);
  await finish(login);
});

const at = (env: NodeJS.ProcessEnv, more: Partial<Surroundings> = {}): Surroundings => ({
  env,
  platform: 'linux',
  container: false,
  ...more,
});

describe('the surroundings', () => {
  const ssh = { SSH_CONNECTION: '2001:db8::1 50000 2001:db8::2 2222', USER: 'ada' };
  const url = new URL('http://127.0.0.1:4321/callback');

  it.each([
    ['a desktop', at({ DISPLAY: ':0' }), true],
    ['Wayland', at({ WAYLAND_DISPLAY: 'wayland-0' }), true],
    ['no display', at({ DISPLAY: '' }), false],
    ['a BSD without one', at({}, { platform: 'freebsd' }), false],
    ['WSL', at({ WSL_DISTRO_NAME: 'Debian' }), true],
    ['SSH', at(ssh), false],
    ['SSH into WSL', at({ ...ssh, WSL_INTEROP: '/run/x' }), false],
    ['SSH with X forwarding', at({ ...ssh, DISPLAY: 'localhost:10.0' }), true],
    ['an editor over SSH that sets BROWSER', at({ ...ssh, BROWSER: '/x/browser.sh' }), true],
    ['macOS', at({}, { platform: 'darwin' }), true],
    ['macOS over SSH', at({ SSH_TTY: '/dev/ttys1' }, { platform: 'darwin' }), false],
    ['Windows', at({}, { platform: 'win32' }), true],
  ])('%s', (_, where, screen) => expect(hasScreen(where)).toBe(screen));

  it('SSH: the exact command, with the port of the server and the family of the redirect', () => {
    expect(hintFor(at(ssh), url)).toContain('\n    ssh -N -L 4321:127.0.0.1:4321 -p 2222 ada@2001:db8::2\n');
    expect(hintFor(at({ SSH_TTY: '/dev/pts/1' }), new URL('http://[::1]:9/'))).toContain(
      'ssh -N -L 9:[::1]:9 <this machine>',
    );
    expect(hintFor(at({ ...ssh, LOGNAME: 'bob', USER: undefined }), new URL('http://localhost:9/'))).toContain(
      '-L 9:127.0.0.1:9 -p 2222 bob@',
    );
  });

  it('WSL, containers and the rest', () => {
    expect(hintFor(at({ WSL_DISTRO_NAME: 'Debian' }), url)).toContain('browser of Windows');
    for (const where of [
      at({}, { container: true }),
      at({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }),
      at({ container: 'podman' }),
    ])
      expect(hintFor(where, url)).toContain('port 4321');
    expect(hintFor(at({}), url)).toMatch(/^No browser could be started here\. Open the URL in any browser\./);
  });

  it('CI is nobody, whatever the terminal', () => {
    const { isTTY } = process.stderr;
    try {
      process.stderr.isTTY = true;
      expect(['', '0', 'false', 'true', '1'].map((CI) => somebodyThere(at({ CI })))).toEqual([
        true,
        true,
        true,
        false,
        false,
      ]);
      process.stderr.isTTY = false;
      expect(somebodyThere(at({}))).toBe(process.stdin.isTTY ?? false);
    } finally {
      process.stderr.isTTY = isTTY;
    }
  });
});

it('only http(s) URLs are opened, and without a character that a shell could take', () => {
  for (const url of ['javascript:alert(1)', 'file:///etc/passwd', 'calculator:', 'ms-settings:x'])
    expect(() => inert(new URL(url))).toThrow(TypeError);
  const nasty = inert(new URL('https://as.example/$(calc)/`id`/a|b^c?x="y"&z=\'<>\\{}'));
  expect(nasty).not.toMatch(/["'`$()|<>^\\{}\s]/);
  expect(new URL(nasty).searchParams.get('z')).toBe("'<>\\{}");
});

it.each([
  [undefined, undefined],
  ['', undefined],
  ['firefox', ['firefox', 'URL']],
  ['firefox:chromium', ['firefox', 'URL']],
  [String.raw`C:\x\firefox.exe`, [String.raw`C:\x\firefox.exe`, 'URL']],
  ['firefox --url=%s -x', ['firefox', '--url=URL', '-x']],
  ['"/opt/My Browser/run" -n', ['/opt/My Browser/run', '-n', 'URL']],
])('BROWSER=%s', (browser, command) => {
  expect(browserCommand(browser, 'URL')).toEqual(command);
  expect(browserCommand('b %s', '$&')).toEqual(['b', '$&']);
});
