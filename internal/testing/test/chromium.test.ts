import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findChromium } from '../src/chromium.ts';

const EXISTING = import.meta.filename;

beforeEach(() => {
  vi.stubEnv('OA_CHROMIUM', undefined);
  vi.stubEnv('CI', undefined);
});
afterEach(() => vi.unstubAllEnvs());

it('takes the Chromium that $OA_CHROMIUM names before an installed one', () => {
  vi.stubEnv('OA_CHROMIUM', EXISTING);
  expect(findChromium([process.execPath])).toBe(EXISTING);
});

it('refuses a path in $OA_CHROMIUM that does not exist, although Chromium is installed', () => {
  vi.stubEnv('OA_CHROMIUM', '/nowhere/chromium');
  expect(() => findChromium([EXISTING])).toThrow('$OA_CHROMIUM names /nowhere/chromium, which does not exist.');
});

it('takes the first installed one otherwise', () => {
  vi.stubEnv('OA_CHROMIUM', '');
  expect(findChromium(['/nowhere/chromium', EXISTING])).toBe(EXISTING);
});

it('says on stderr that tests are skipped where there is none', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    expect(findChromium(['/nowhere/chromium'])).toBeUndefined();
    expect(write).toHaveBeenCalledWith(expect.stringContaining('are skipped'));
  } finally {
    write.mockRestore();
  }
});

it('fails under CI where there is none', () => {
  vi.stubEnv('CI', 'true');
  expect(() => findChromium(['/nowhere/chromium'])).toThrow('There is no Chromium at /nowhere/chromium.');
});
