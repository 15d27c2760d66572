import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './directory.ts';

/** A small file system for a test to fill. */
export interface SmallDisk {
  directory: string;
  /** Why mounting failed. `undefined` if it succeeded. */
  refused: string | undefined;
  /** Fills the disk up to `left` free bytes. */
  fill: (left: number) => void;
  empty: () => void;
  remount: (mode: 'ro' | 'rw') => void;
  close: () => void;
}

/**
 * Mounts a tmpfs if that is allowed.
 *
 * @throws if mounting fails for root under CI, where the tests of a full disk must run
 */
export function mountSmallDisk(kilobytes: number): SmallDisk {
  const directory = temporaryDirectory();
  const ballast = join(directory, 'ballast');
  const refused = mount(directory, kilobytes);
  return {
    directory,
    refused,
    fill(left) {
      const { bavail, bsize } = statfsSync(directory);
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - left), 1));
    },
    empty: () => rmSync(ballast, { force: true }),
    remount: (mode) => void execFileSync('mount', ['-o', `remount,${mode}`, directory]),
    close() {
      if (refused === undefined) execFileSync('umount', [directory]);
      rmSync(directory, { recursive: true });
    },
  };
}

function mount(directory: string, kilobytes: number): string | undefined {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return 'mounting a tmpfs needs root on Linux';
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=0700`, 'tmpfs', directory], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    return 'mounting a tmpfs is not allowed here';
  }
}
