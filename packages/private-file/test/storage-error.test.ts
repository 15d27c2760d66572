import { isOAuthError, isShareableError, type OAuthError } from '@oa/types';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { toStorageError } from '@oa/private-file';

function systemError(code: string, errno: number, syscall = 'open'): Error {
  return Object.assign(new Error(`${code}: secret details, ${syscall} '/else/where'`), { code, errno, syscall });
}

function converted(error: unknown, reading?: boolean): OAuthError {
  const result = toStorageError(error, '/a file', reading);
  if (!isOAuthError(result)) throw new Error('It was not converted.');
  return result;
}

describe('an error of the file system is storage_unavailable', () => {
  it.for([
    ['EMFILE', -24],
    ['ENFILE', -23],
    ['EIO', -5],
    ['ENOMEM', -12],
    ['EAGAIN', -11],
    ['EBUSY', -16],
    ['ETIMEDOUT', -110],
    ['ENOENT', -2],
  ] as const)('and retryable if it may be over in a moment: %s', ([code, errno]) => {
    const error = converted(systemError(code, errno));
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toMatch(new RegExp(String.raw`^'/a file' can't be used \(${code}\): .*\.$`));
    expect(error.message).not.toMatch(/secret|else/);
  });

  it.runIf(process.platform === 'linux').for([
    [-122, 'EDQUOT'],
    [-116, 'ESTALE'],
    [-117, 'error 117'], // EUCLEAN
    [-126, 'error 126'], // ENOKEY
  ] as const)('also if Node.js has no name for its number: %s', ([errno, name]) => {
    const error = converted(systemError(`Unknown system error ${errno}`, errno, 'read'));
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toContain(`can't be used (${name}): `);
  });

  it('also if Node.js can not read the description of a package that it is about to load', () => {
    const error = (problem: string): Error => Object.assign(new Error(problem), { code: 'ERR_INVALID_PACKAGE_CONFIG' });
    const momentary = converted(error('Cannot read package config /a: b/package.json: too many open files.'));
    expect(momentary).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(momentary.message).toContain('(EMFILE)');
    const damaged = error('Invalid package config /a/package.json.');
    expect(toStorageError(damaged, '/a file')).toBe(damaged);
  });

  it.for([
    ['ENOSPC', -28],
    ['EROFS', -30],
    ['EACCES', -13],
    ['ENOTDIR', -20],
    ['EFBIG', -27],
  ] as const)('and not retryable if it stays: %s', ([code, errno]) => {
    expect(converted(systemError(code, errno)).retryable).toBe(false);
  });

  it('and retryable if a read meets what says nothing of the file', () => {
    expect(converted(systemError('ENOSPC', -28, 'read'), true).retryable).toBe(true);
    expect(converted(systemError('EACCES', -13, 'lstat'), true).retryable).toBe(false);
  });

  it('and is not shared with other processes, which may have no such problem', () => {
    expect(isShareableError(converted(systemError('EMFILE', -24)))).toBe(false);
  });
});

describe('an error that another directory helps against names the variables for it', () => {
  beforeEach(() => {
    for (const name of ['HOME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME']) vi.stubEnv(name, undefined);
    return () => vi.unstubAllEnvs();
  });

  const messageFor = (code: string, errno: number): string => {
    const error = toStorageError(systemError(code, errno), '/home/ada/.cache/my-tool/tokens');
    return isOAuthError(error) ? error.message : '';
  };

  it.runIf(process.platform !== 'win32').for([
    ['HOME', '/home/ada', 'XDG_CACHE_HOME and XDG_CONFIG_HOME (or HOME)'],
    ['XDG_CACHE_HOME', '/home/ada/.cache', 'XDG_CACHE_HOME'],
    ['XDG_CACHE_HOME', '/home/ada/.cache/', 'XDG_CACHE_HOME'],
  ] as const)('of %s=%s', ([variable, value, variables]) => {
    vi.stubEnv(variable, value);
    for (const [code, errno] of [
      ['EROFS', -30],
      ['EACCES', -13],
      ['ENOTSUP', -95],
    ] as const)
      expect(messageFor(code, errno)).toMatch(/; [^;]*use another directory, which [^;]*\.$/);
    expect(messageFor('EROFS', -30)).toBe(
      "/home/ada/.cache/my-tool/tokens can't be used (EROFS): the file system is read-only; use another directory, " +
        `which ${variables} can name.`,
    );
  });

  it('and names none if the directory is one of the program, or if another directory does not help', () => {
    vi.stubEnv('HOME', '/home/grace');
    expect(messageFor('EROFS', -30)).toMatch(/ use another directory\.$/);
    vi.stubEnv('HOME', '/home/ada');
    expect(messageFor('ENOSPC', -28)).toMatch(/ free some space\.$/);
  });
});

it('a missing permission of Deno or Node.js is storage_unavailable with the flags to use', () => {
  const node = Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' });
  const deno = Object.assign(new Error('Requires read access to "/a file", run again with the --allow-read flag'), {
    name: 'NotCapable',
  });
  for (const error of [node, deno])
    expect(converted(error)).toMatchObject({
      code: 'storage_unavailable',
      retryable: false,
      message: expect.stringMatching(/--allow-read.*--allow-sys.*--allow-fs-read/) as string,
    });
});

it('any other error stays the same', () => {
  for (const error of [
    new TypeError('a bug'),
    Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' }),
    Object.assign(new Error('x'), { errno: 5 }),
    'text',
    undefined,
  ])
    expect(toStorageError(error, '/a file')).toBe(error);
});
