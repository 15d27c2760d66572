import { DEFAULT_APP, userDirectory } from '@oa/private-file';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const platform = Object.getOwnPropertyDescriptor(process, 'platform');
beforeEach(() => {
  for (const name of ['XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'LOCALAPPDATA']) vi.stubEnv(name, undefined);
  vi.stubEnv('HOME', '/home/me');
});
afterEach(() => {
  vi.unstubAllEnvs();
  if (platform !== undefined) Object.defineProperty(process, 'platform', platform);
});
const setPlatform = (value: string): unknown => Object.defineProperty(process, 'platform', { ...platform, value });

it('is below HOME by default, on macOS too', () => {
  for (const system of ['linux', 'darwin']) {
    setPlatform(system);
    expect(userDirectory('cache', 'app')).toBe('/home/me/.cache/app');
    expect(userDirectory('config', 'app')).toBe('/home/me/.config/app');
  }
});

it('belongs to the default app if no app is named', () => {
  expect(DEFAULT_APP).toBe('oa');
  expect(userDirectory('cache')).toBe('/home/me/.cache/oa');
});

it('is below an absolute XDG variable; a relative or empty one is ignored', () => {
  vi.stubEnv('XDG_CACHE_HOME', '/caches');
  vi.stubEnv('XDG_CONFIG_HOME', 'relative/config');
  expect(userDirectory('cache', 'app')).toBe('/caches/app');
  expect(userDirectory('config', 'app')).toBe('/home/me/.config/app');
  vi.stubEnv('XDG_CACHE_HOME', '');
  expect(userDirectory('cache', 'app')).toBe('/home/me/.cache/app');
});

it.for([undefined, '', 'relative', './x'])(
  'with HOME=%s there is no directory, and the error says which variable to set',
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

it('is below %LOCALAPPDATA% on Windows', () => {
  setPlatform('win32');
  expect(() => userDirectory('cache', 'app')).toThrow(expect.objectContaining({ code: 'storage_unavailable' }));
  // A path that is absolute for the node:path of this machine.
  vi.stubEnv('LOCALAPPDATA', '/Users/me/AppData/Local');
  expect(userDirectory('cache', 'app')).toBe('/Users/me/AppData/Local/app/Cache');
  expect(userDirectory('config', 'app')).toBe('/Users/me/AppData/Local/app/Config');
});

it.for(['', '.', '..', 'a/b', 'a\\b', 'C:x', 'a\0', 'a\n', 'x'.repeat(101), 5 as never])(
  'throws a TypeError for the app %j',
  (app) => {
    expect(() => userDirectory('cache', app)).toThrow(TypeError);
  },
);

it('throws a TypeError for an unknown kind', () => {
  expect(() => userDirectory('data' as never, 'app')).toThrow(/'cache' or 'config'/);
});
