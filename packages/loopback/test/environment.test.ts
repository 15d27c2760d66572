import { describe, expect, it } from 'vitest';
import { browserHint, hasScreen, hasTerminal, isCi, type Environment } from '../src/environment.ts';

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

  it('gives the ssh command with the real port, and no address that only the server knows', () => {
    const hint = browserHint(at(ssh), url, true);
    expect(hint).toContain('\n    ssh -N -L 4321:127.0.0.1:4321 <host>\n');
    expect(hint).toContain('on your own machine');
    for (const secret of ['2001:db8', '2222', '50000', 'ada']) expect(hint).not.toContain(secret);
    expect(browserHint(at({ SSH_TTY: '/dev/pts/1' }), new URL('http://[::1]:9/'), true)).toContain(
      'ssh -N -L 9:[::1]:9 <host>',
    );
    expect(browserHint(at(ssh), new URL('http://localhost:9/'), false)).toContain('-L 9:127.0.0.1:9 <host>');
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

  it.each([
    [undefined, false],
    ['', false],
    ['0', false],
    ['false', false],
    ['true', true],
    ['1', true],
    ['woodpecker', true],
  ])('knows from CI=%s that no user is there', (CI, is) => expect(isCi({ CI })).toBe(is));

  it('finds a terminal at stdin or stderr', () => {
    const { isTTY } = process.stderr;
    try {
      process.stderr.isTTY = true;
      expect(hasTerminal()).toBe(true);
      process.stderr.isTTY = false;
      expect(hasTerminal()).toBe(process.stdin.isTTY ?? false);
    } finally {
      process.stderr.isTTY = isTTY;
    }
  });
});
