// A program that root runs with the HOME of another user, as sudo does on many systems, and the runs of that user afterwards.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noOtherUser, otherUser, otherUserName } from '../other-user.ts';
import { program } from '../programs.ts';
import type { UseEnd } from '../programs/use.ts';

/** A user without a name in the system's list. */
const unnamedUser = 54_321;
const why = noOtherUser === undefined ? '' : ` (${noOtherUser})`;

let root: string;
/** The home of the other user. A shell would read its name in more than one way. */
let home: string;
beforeEach(() => {
  root = temporaryDirectory();
  chmodSync(root, 0o755);
  home = join(root, `it's $(here)`);
  make(home, otherUser);
});
afterEach(() => rmSync(root, { recursive: true }));

/** Makes a directory for a user, and those above it that are missing. */
function make(directory: string, owner: number, mode = 0o755): void {
  if (!existsSync(dirname(directory))) make(dirname(directory), owner, mode);
  if (!existsSync(directory)) mkdirSync(directory);
  chmodSync(directory, mode);
  chownSync(directory, owner, owner);
}

/** What stands below a directory, with the owner of each. */
function contentOf(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted();
  return names.map((name) => `${name} of ${lstatSync(join(directory, name)).uid}`);
}

async function run(env: NodeJS.ProcessEnv, task: { uid?: number; uses?: string[] } = {}): Promise<UseEnd[]> {
  const { stdout, stderr } = await startProcess(program('use'), { task, env: { PATH: process.env['PATH'], ...env } })
    .ended;
  expect(stderr).toBe('');
  return JSON.parse(stdout) as UseEnd[];
}

/** A path as a shell reads it. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

describe.skipIf(noOtherUser !== undefined)(`root with the HOME of another user${why}`, () => {
  it('keeps nothing there, and says why, what happens and what to do; the next run of the user works', async () => {
    const ends = await run({ HOME: home });
    expect(ends).toHaveLength(12);
    for (const { code, message } of ends) {
      expect(code).toBe('storage_unavailable');
      expect(message).toBe(
        `${quoted(home)}, which HOME names, belongs to another user (${otherUserName}, uid ${otherUser}), and this program runs as root, ` +
          'so nothing is read or stored there. Files of root there would stop the next run of that user. ' +
          'Run the program without sudo, or with sudo -H, or set XDG_CACHE_HOME and XDG_CONFIG_HOME (or HOME) to a directory of root.',
      );
    }
    expect(contentOf(home)).toEqual([]);
    for (const end of await run({ HOME: home }, { uid: otherUser })) expect(end).not.toHaveProperty('message');
  });

  it('does not read or change what the user has there', async () => {
    const uses = ['write', 'lock'];
    for (const end of await run({ HOME: home }, { uid: otherUser, uses })) expect(end).not.toHaveProperty('message');
    const before = contentOf(home);
    expect(before).toContain(`.cache/my-tool/kept/a.json of ${otherUser}`);
    for (const { code } of await run({ HOME: home })) expect(code).toBe('storage_unavailable');
    expect(contentOf(home)).toEqual(before);
  });

  it('does so too where an earlier run of root has left directories in it', async () => {
    for (const name of ['.cache', '.config/my-tool/kept']) make(join(home, name), 0, 0o700);
    const before = contentOf(home);
    for (const { code, message } of await run({ HOME: home })) {
      expect(code).toBe('storage_unavailable');
      expect(message).toContain(`which HOME names, belongs to another user (${otherUserName},`);
    }
    expect(contentOf(home)).toEqual(before);
  });

  it('is told the variable that leads there, and the number of an owner without a name', async () => {
    chownSync(home, unnamedUser, unnamedUser);
    const ends = await run({ HOME: root, XDG_CACHE_HOME: `${join(home, 'caches')}/`, XDG_CONFIG_HOME: home });
    for (const { kind, code, message } of ends) {
      expect(code).toBe('storage_unavailable');
      expect(message).toContain(
        kind === 'cache'
          ? `${quoted(join(home, 'caches'))}, which XDG_CACHE_HOME names, is in ${quoted(home)}, which belongs to another user (uid ${unnamedUser})`
          : `${quoted(home)}, which XDG_CONFIG_HOME names, belongs to another user (uid ${unnamedUser})`,
      );
      expect(message).toMatch(
        new RegExp(`Run the program without sudo, or set XDG_${kind.toUpperCase()}_HOME to a directory of root\\.$`),
      );
    }
    expect(contentOf(home)).toEqual([]);
  });

  it('finds it behind a symbolic link, and keeps nothing there', async () => {
    const link = join(root, 'link');
    symlinkSync(home, link);
    for (const { code, message } of await run({ XDG_CACHE_HOME: link, XDG_CONFIG_HOME: join(link, 'below') })) {
      expect(code).toBe('storage_unavailable');
      expect(message).toContain(`belongs to another user (${otherUserName}, uid ${otherUser})`);
    }
    expect(contentOf(home)).toEqual([]);
  });

  it('works where the variables name directories of root, as in a container with a mounted home', async () => {
    const env = { HOME: home, XDG_CACHE_HOME: join(root, 'caches'), XDG_CONFIG_HOME: join(root, 'config') };
    for (const end of await run(env)) expect(end).not.toHaveProperty('message');
    expect(contentOf(home)).toEqual([]);
    expect(existsSync(join(root, 'caches', 'my-tool', 'kept'))).toBe(true);
  });
});

describe.skipIf(noOtherUser !== undefined)(`a user with the HOME of another one${why}`, () => {
  it.for(['755', '700'])('of mode %s keeps nothing there, and is told so', async (mode) => {
    chownSync(home, unnamedUser, unnamedUser);
    chmodSync(home, Number.parseInt(mode, 8));
    for (const { code, message } of await run({ HOME: home }, { uid: otherUser })) {
      expect(code).toBe('storage_unavailable');
      expect(message).toMatch(
        new RegExp(`\\(uid 54321\\), and this program runs as ${otherUserName}, so nothing is read or stored there\\.`),
      );
      expect(message).toMatch(
        new RegExp(`Run the program as that user, or set .* to a directory of ${otherUserName}\\.$`),
      );
    }
    expect(contentOf(home)).toEqual([]);
  });

  it.for(['', '/missing'])('that root owns (HOME%s) is told to set a variable, not to take it over', async (below) => {
    chownSync(home, 0, 0);
    const uses = ['lock', 'reserve', 'write'];
    for (const { code, message } of await run({ HOME: home + below }, { uid: otherUser, uses })) {
      expect(code).toBe('storage_unavailable');
      expect(message).toMatch(
        new RegExp(
          String.raw`\(root, uid 0\), .* Set XDG_CACHE_HOME and XDG_CONFIG_HOME \(or HOME\) to a directory of ${otherUserName}\.$`,
        ),
      );
      expect(message).not.toContain('chown');
    }
    expect(contentOf(home)).toEqual([]);
  });
});

describe.skipIf(noOtherUser !== undefined)(`what an earlier run of root has left in a home${why}`, () => {
  /** In a base directory of the user. The first two take that directory too. */
  const left: [string, (base: string) => void][] = [
    ['the directory of all programs', (base) => make(base, 0)],
    ['the directory of all programs, closed', (base) => make(base, 0, 0o700)],
    ['the directory of the program', (base) => make(join(base, 'my-tool'), 0)],
    ['the directory of the program, closed', (base) => make(join(base, 'my-tool'), 0, 0o700)],
    ['all directories of the program', (base) => make(join(base, 'my-tool', 'kept'), 0)],
    ['all directories of the program, closed, and the files', (base) => leaveFiles(base, 0)],
    ['the files', (base) => leaveFiles(base, otherUser)],
    ['the lock', (base) => leaveFiles(base, otherUser, ['a.json.lock'])],
    ['what is pending', (base) => leaveFiles(base, otherUser, ['a.json.pending'])],
  ];

  function leaveFiles(base: string, owner: number, names = ['a.json', 'a.json.lock']): void {
    const directory = join(base, 'my-tool', 'kept');
    make(directory, owner, 0o700);
    for (const name of names) writeFileSync(join(directory, name), '', { mode: 0o600 });
  }

  async function firstFailure(uses: string[]): Promise<string | undefined> {
    const ends = await run({ HOME: home }, { uid: otherUser, uses });
    return ends.find(({ message }) => message !== undefined)?.message;
  }

  it.for(left)('%s: the error names it, its owner and the chown that repairs it', async ([name, leave]) => {
    for (const base of ['.cache', '.config']) {
      make(join(home, base), otherUser, 0o700);
      leave(join(home, base));
    }
    // All that a program with a token does: it stops at the first error.
    const uses = ['read', 'lock', 'reserve', 'write'];
    const repair = new RegExp(`Run: sudo (chown (?:-R )?${otherUserName} '[^]*') \\(an earlier run as root`);
    const commands: string[] = [];
    for (let failure = await firstFailure(uses); failure !== undefined; failure = await firstFailure(uses)) {
      expect(failure).toContain(`belongs to another user (root, uid 0), and this program runs as ${otherUserName}`);
      const command = repair.exec(failure)?.[1] ?? failure;
      expect(spawnSync('sh', ['-c', command])).toMatchObject({ status: 0 });
      commands.push(command);
      // One command for each directory, or for each file.
      expect(commands.length).toBeLessThanOrEqual(name === 'the files' ? 4 : 2);
    }
    expect(commands.length).toBeGreaterThanOrEqual(2);
  });
});
