import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findTool, toolDirectories } from '../src/find-tool.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => rmSync(directory, { recursive: true }));

it('looks in the directories of the system, then in the absolute ones of PATH', () => {
  const system = ['/usr/bin', '/usr/local/bin', '/run/current-system/sw/bin'];
  expect(toolDirectories('/opt/bin:.:bin::./x:../y:/home/me/bin')).toEqual([...system, '/opt/bin', '/home/me/bin']);
  expect(toolDirectories('')).toEqual(system);
  expect(toolDirectories().slice(0, 3)).toEqual(system);
  vi.stubEnv('PATH', undefined);
  expect(toolDirectories()).toEqual(system);
  vi.unstubAllEnvs();
});

it('takes the first program, and neither a directory nor a file that can not be executed', () => {
  for (const name of ['a', 'b', 'c', 'd']) mkdirSync(join(directory, name));
  mkdirSync(join(directory, 'a/tool'));
  writeFileSync(join(directory, 'b/tool'), '');
  symlinkSync('/no/such', join(directory, 'c/tool'));
  writeFileSync(join(directory, 'd/tool'), '');
  chmodSync(join(directory, 'd/tool'), 0o700);
  const directories = ['a', 'b', 'c', 'd'].map((name) => join(directory, name));
  expect(findTool('tool', directories)).toBe(join(directory, 'd/tool'));
  expect(findTool('tool', directories.slice(0, 3))).toBeUndefined();
});
