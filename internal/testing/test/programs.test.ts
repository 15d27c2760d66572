import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findProgram, temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

let directory: string;
let printed: string[];

beforeEach(() => {
  directory = temporaryDirectory();
  printed = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  // CI sets it, and so does a user.
  vi.stubEnv('CI', undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function makeFile(path: string, mode: number): string {
  const file = join(directory, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, mode);
  return file;
}

describe('findProgram', () => {
  it('returns the first program of the name in the directories of PATH', () => {
    makeFile('first/other', 0o755);
    const program = makeFile('second/engine', 0o755);
    makeFile('third/engine', 0o755);
    const path = ['first', 'missing', 'second', 'third'].map((name) => join(directory, name)).join(delimiter);
    vi.stubEnv('PATH', path);
    expect(findProgram('engine', 'the store')).toBe(program);
    expect(printed).toEqual([]);
  });

  it('looks in the given directories instead, such as those that Debian keeps out of PATH', () => {
    const program = makeFile('lib/engine', 0o755);
    vi.stubEnv('PATH', '');
    expect(findProgram('engine', 'the store', [join(directory, 'lib')])).toBe(program);
  });

  it('does not take a file that can not be run', () => {
    makeFile('first/engine', 0o644);
    const program = makeFile('second/engine', 0o755);
    const directories = ['first', 'second'].map((name) => join(directory, name));
    expect(findProgram('engine', 'the store', directories)).toBe(program);
  });

  it('returns undefined for a missing program, and says on stderr which tests are skipped', () => {
    expect(findProgram('engine', 'the store', [directory])).toBeUndefined();
    expect(printed).toEqual(['engine is not installed: the tests of the store are skipped.\n']);
  });

  it('throws under CI, where the tests must run', () => {
    vi.stubEnv('CI', 'true');
    expect(() => findProgram('engine', 'the store', [directory])).toThrow(
      'engine is not installed. The tests of the store need it.',
    );
    expect(printed).toEqual([]);
  });
});
