import { userDirectory } from '@oa/private-file';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const platform = Object.getOwnPropertyDescriptor(process, 'platform');
beforeEach(() => {
  for (const name of ['XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'LOCALAPPDATA']) vi.stubEnv(name, undefined);
  vi.stubEnv('HOME', '/home/me');
});
afterEach(() => {
  vi.unstubAllEnvs();
  if (platform !== undefined) Object.defineProperty(process, 'platform', platform);
});
const pretend = (value: string): unknown => Object.defineProperty(process, 'platform', { ...platform, value });

test('D7: by default below HOME, on macOS too', () => {
  for (const system of ['linux', 'darwin']) {
    pretend(system);
    expect(userDirectory('cache', 'app')).toBe('/home/me/.cache/app');
    expect(userDirectory('config', 'app')).toBe('/home/me/.config/app');
  }
});

test('D7: an absolute XDG variable counts, a relative or empty one does not', () => {
  vi.stubEnv('XDG_CACHE_HOME', '/caches');
  vi.stubEnv('XDG_CONFIG_HOME', 'relative/config');
  expect(userDirectory('cache', 'app')).toBe('/caches/app');
  expect(userDirectory('config', 'app')).toBe('/home/me/.config/app');
  vi.stubEnv('XDG_CACHE_HOME', '');
  expect(userDirectory('cache', 'app')).toBe('/home/me/.cache/app');
});

test.for([undefined, '', 'relative', './x'])(
  'D7: with HOME=%s there is no place, and the message says what to set',
  (home) => {
    vi.stubEnv('HOME', home);
    vi.stubEnv('XDG_CACHE_HOME', 'relative');
    expect(() => userDirectory('cache', 'app')).toThrow(
      expect.objectContaining({
        code: 'storage_unavailable',
        message: expect.stringContaining('XDG_CACHE_HOME or HOME') as string,
      }),
    );
  },
);

test('on Windows it is %LOCALAPPDATA%', () => {
  pretend('win32');
  expect(() => userDirectory('cache', 'app')).toThrow(expect.objectContaining({ code: 'storage_unavailable' }));
  // A path that is absolute for the node:path of this machine.
  vi.stubEnv('LOCALAPPDATA', '/Users/me/AppData/Local');
  expect(userDirectory('cache', 'app')).toBe('/Users/me/AppData/Local/app/Cache');
  expect(userDirectory('config', 'app')).toBe('/Users/me/AppData/Local/app/Config');
});

test.for(['', '.', '..', 'a/b', 'a\\b', 'C:x', 'a\0', 'a\n', 'x'.repeat(101), 5 as never])(
  'the app %j is a TypeError',
  (app) => {
    expect(() => userDirectory('cache', app)).toThrow(TypeError);
  },
);

test('an unknown kind is a TypeError', () => {
  expect(() => userDirectory('data' as never, 'app')).toThrow(/'cache' or 'config'/);
});
