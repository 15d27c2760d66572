import { describe, expect, it } from 'vitest';
import { browserHint, hasScreen, hasTerminal, type Environment } from '../src/environment.ts';

const at = (env: NodeJS.ProcessEnv, more: Partial<Environment> = {}): Environment => ({
  env,
  platform: 'linux',
  container: false,
  ...more,
});

describe('hasScreen and browserHint', () => {
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
  ])('%s', (_, environment, screen) => expect(hasScreen(environment)).toBe(screen));

  it('gives the exact ssh command, with the port of the server and the address family of the redirect', () => {
    expect(browserHint(at(ssh), url, true)).toContain('\n    ssh -N -L 4321:127.0.0.1:4321 -p 2222 ada@2001:db8::2\n');
    expect(browserHint(at({ SSH_TTY: '/dev/pts/1' }), new URL('http://[::1]:9/'), true)).toContain(
      'ssh -N -L 9:[::1]:9 <this machine>',
    );
    expect(
      browserHint(at({ ...ssh, LOGNAME: 'bob', USER: undefined }), new URL('http://localhost:9/'), true),
    ).toContain('-L 9:127.0.0.1:9 -p 2222 bob@');
  });

  it('gives hints for WSL, containers and other machines', () => {
    expect(browserHint(at({ WSL_DISTRO_NAME: 'Debian' }), url, true)).toContain('browser of Windows');
    for (const where of [
      at({}, { container: true }),
      at({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }),
      at({ container: 'podman' }),
    ])
      expect(browserHint(where, url, true)).toContain('port 4321');
    expect(browserHint(at({}), url, true)).toMatch(/^No browser could be started here\. Open the URL in any browser\./);
  });

  it('offers pasting only if the program reads what is pasted', () => {
    for (const where of [at(ssh), at({ WSL_DISTRO_NAME: 'Debian' }), at({}, { container: true }), at({})]) {
      expect(browserHint(where, url, true)).toContain('paste its address here');
      expect(browserHint(where, url, false)).not.toContain('paste');
    }
  });

  it('counts CI as no terminal', () => {
    const { isTTY } = process.stderr;
    try {
      process.stderr.isTTY = true;
      expect(['', '0', 'false', 'true', '1'].map((CI) => hasTerminal(at({ CI })))).toEqual([
        true,
        true,
        true,
        false,
        false,
      ]);
      process.stderr.isTTY = false;
      expect(hasTerminal(at({}))).toBe(process.stdin.isTTY ?? false);
    } finally {
      process.stderr.isTTY = isTTY;
    }
  });
});
