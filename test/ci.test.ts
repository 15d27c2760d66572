import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterAll, expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

// Stands in for `npx`, `apt-get` and the programs that the tests use. Notes its arguments; `npx ... exec node` answers whether Chromium was found.
const FAKE = `#!/bin/sh
echo "\${0##*/} $*" | cut -c 1-90 >> "$FAKE_LOG"
case "$*" in *"exec node"*) exit "$FAKE_CHROMIUM" ;; esac
`;

const directory = temporaryDirectory();
const PROGRAMS = ['tmux', 'pg_ctlcluster', 'redis-server', 'gnome-keyring-daemon', 'secret-tool', 'dbus-run-session'];
for (const name of ['npx', 'apt-get', ...PROGRAMS]) writeFileSync(join(directory, name), FAKE, { mode: 0o700 });
afterAll(() => rmSync(directory, { recursive: true }));

/** A directory with nothing but what `.ci/run` and the fakes need. */
function withoutTmux(): string {
  const bare = join(directory, 'bare');
  mkdirSync(bare);
  for (const name of ['npx', 'apt-get']) writeFileSync(join(bare, name), FAKE, { mode: 0o700 });
  for (const name of ['bash', 'sh', 'env', 'dirname', 'cut', 'cat'])
    symlinkSync(join('/usr/bin', name), join(bare, name));
  return bare;
}

/** Runs `.ci/run` and returns the commands that it called. */
function commands(env: Record<string, string>): string[] {
  const log = join(directory, 'log');
  writeFileSync(log, '');
  const { PATH = '' } = process.env;
  const { status } = spawnSync(join(root, '.ci/run'), {
    env: { PATH: `${directory}:${PATH}`, FAKE_LOG: log, ...env },
  });
  expect(status).toBe(0);
  return readFileSync(log, 'utf8').trim().split('\n');
}

/** The exact version of pnpm, such as `pnpm@12.21.0`. */
const { packageManager: pnpm } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  packageManager: string;
};
const install = `npx -y ${pnpm} install --frozen-lockfile`;
const find = expect.stringContaining(`npx -y ${pnpm} exec node`);
const test = `npx -y ${pnpm} test`;
const apt = expect.stringMatching(/^apt-get /);

it('.ci/run installs Chromium where none is installed', () => {
  expect(commands({ FAKE_CHROMIUM: '1' })).toEqual([install, find, apt, apt, test]);
});

it('.ci/run uses the Chromium that is installed', () => {
  expect(commands({ FAKE_CHROMIUM: '0' })).toEqual([install, find, test]);
});

it('.ci/run uses the Chromium that $OA_CHROMIUM names', () => {
  const env = { FAKE_CHROMIUM: '1', OA_CHROMIUM: '/opt/chromium' };
  expect(commands(env)).toEqual([install, test]);
});

it('.ci/run installs tmux where it is missing', () => {
  const installed = expect.stringMatching(/^apt-get install .*tmux/);
  expect(commands({ FAKE_CHROMIUM: '0', PATH: withoutTmux() })).toEqual([install, find, apt, installed, test]);
});
