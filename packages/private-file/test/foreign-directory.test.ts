// test/scenarios/sudo.test.ts shows the same with real programs.
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { foreignDirectoryError, toDirectoryError } from '../src/foreign-directory.ts';
import { asOtherUser, noOtherUser, otherUser, otherUserName } from './other-user.ts';

const denied = Object.assign(new Error('x'), { code: 'EACCES', errno: -13, syscall: 'open' });
const why = noOtherUser === undefined ? '' : ` (${noOtherUser})`;

let root: string;
/** A directory below a directory of root. */
let tokens: string;
beforeEach(() => {
  root = temporaryDirectory();
  chmodSync(root, 0o755);
  tokens = join(root, 'data', 'app', 'tokens');
  mkdirSync(tokens, { recursive: true });
  for (const name of ['XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'HOME']) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

function give(path: string, uid: number): void {
  chownSync(path, uid, uid);
}

/** The text of the error of a directory, for a program that runs as another user or, by default, as root. */
function textOf(path: string, uid: number, directory = tokens): string {
  const error = foreignDirectoryError({ path, uid }, directory);
  expect(error.code).toBe('insecure_file_permissions');
  return error.message;
}

describe.skipIf(noOtherUser !== undefined)(`a directory of another user${why}`, () => {
  it('that a program names gets no command that takes more from its owner', () => {
    give(tokens, otherUser);
    const only = `Use another directory, or, if it is for this program alone, run: chown root ${tokens}`;
    expect(textOf(tokens, otherUser)).toBe(
      `${tokens} belongs to another user (${otherUserName}, uid 65534), and this program runs as root, so it is not used. ${only}`,
    );
    expect(asOtherUser(() => textOf(tokens, 0))).toContain(`run: sudo chown ${otherUserName} ${tokens}`);
    const above = join(root, 'data');
    expect(textOf(above, otherUser)).toMatch(/, and its owner can exchange .* Use a directory whose parents belong/);
    vi.stubEnv('HOME', '/');
    expect(textOf(above, otherUser)).not.toContain('chown');
  });

  it('in a directory of this user is given back, with what is in it only where root has made it', () => {
    vi.stubEnv('HOME', root);
    give(join(root, 'data'), otherUser);
    const app = join(root, 'data', 'app');
    expect(asOtherUser(() => textOf(tokens, 0))).toMatch(
      new RegExp(
        `Run: sudo chown -R ${otherUserName} ${app} \\(an earlier run as root, such as with sudo, may have created it\\)\\.$`,
      ),
    );
    expect(asOtherUser(() => textOf(app, 54_321))).toMatch(
      new RegExp(`or, if you trust what that user wrote there, run: sudo chown ${otherUserName} ${app}$`),
    );
    give(join(root, 'data'), 0);
    expect(textOf(app, otherUser)).toMatch(new RegExp(`run: chown root ${app}$`));
  });

  it('through a link is given back under its real name', () => {
    symlinkSync(tokens, join(root, 'link'));
    give(tokens, otherUser);
    expect(textOf(tokens, otherUser, join(root, 'link'))).not.toContain('exchange');
  });

  it('that is closed is the reason of a missing permission', () => {
    const missing = join(tokens, 'new', 'deep');
    const error = asOtherUser(() => toDirectoryError(denied, missing));
    expect(error).toMatchObject({
      code: 'storage_unavailable',
      message:
        `${missing} can't be used: this user may not use it, because ${tokens} belongs to another user (root, uid 0), ` +
        `and this program runs as ${otherUserName}. Use another directory.`,
    });
  });
});

describe.skipIf(noOtherUser !== undefined)(`a variable that leads to another user${why}`, () => {
  const remedyOf = (found: string, uid: number): string => {
    const error = foreignDirectoryError({ path: found, uid }, tokens);
    expect(error.code).toBe('storage_unavailable');
    return error.message;
  };

  it('is named, the nearer of two, with where it leads', () => {
    vi.stubEnv('HOME', root);
    expect(remedyOf(root, otherUser)).toMatch(
      new RegExp(`^${root}, which HOME names, belongs to .* without sudo, or with sudo -H, or set XDG_CACHE_HOME and`),
    );
    vi.stubEnv('XDG_CACHE_HOME', join(root, 'data', '.', 'missing', '..'));
    vi.stubEnv('XDG_CONFIG_HOME', 'relative');
    expect(remedyOf(root, otherUser)).toMatch(
      new RegExp(
        `^${root}/data, which XDG_CACHE_HOME names, is in ${root}, which belongs to .* or set XDG_CACHE_HOME to`,
      ),
    );
    expect(remedyOf('/', otherUser)).toContain('is in /, which belongs');
  });

  it('is corrected by a user who is not root without sudo', () => {
    vi.stubEnv('HOME', root);
    expect(asOtherUser(() => remedyOf(root, 54_321))).toMatch(
      new RegExp(`Run the program as that user, or set .* of ${otherUserName}\\.$`),
    );
    expect(asOtherUser(() => remedyOf(root, 0))).toMatch(/ Set XDG_CACHE_HOME and XDG_CONFIG_HOME \(or HOME\) to/);
    const closed = asOtherUser(() => toDirectoryError(denied, join(root, 'missing', 'deep')));
    expect(closed).toMatchObject({ message: expect.stringMatching(/which HOME names, belongs to .*root/) as string });
  });
});

it('a directory that nothing is known of gets no command', () => {
  expect(foreignDirectoryError({ path: '/', uid: 54_321 }, tokens).message).not.toContain('chown');
  const gone = join(root, 'gone', 'app');
  vi.stubEnv('HOME', root);
  expect(foreignDirectoryError({ path: gone, uid: 0 }, join(gone, 'tokens')).message).not.toContain('chown');
});

it('a missing permission on Windows, which has no owners, says nothing of one', () => {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
  Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
  try {
    if (noOtherUser === undefined) give(tokens, otherUser);
    expect(toDirectoryError(denied, tokens)).toMatchObject({
      message: expect.stringContaining('(EACCES): this user may not use it; change its permissions') as string,
    });
  } finally {
    Object.defineProperty(process, 'platform', platform);
  }
});

it('a missing permission in a directory of this user, and any other error, stay as they are', () => {
  expect(toDirectoryError(denied, tokens)).toMatchObject({
    code: 'storage_unavailable',
    message: expect.stringContaining('(EACCES): this user may not use it; change its permissions') as string,
  });
  const full = Object.assign(new Error('x'), { code: 'ENOSPC', errno: -28, syscall: 'mkdir' });
  expect(toDirectoryError(full, tokens)).toMatchObject({ message: expect.stringContaining('disk is full') as string });
  const bug = new TypeError('a bug');
  expect(toDirectoryError(bug, tokens)).toBe(bug);
});
