/** Other locks to compare with, as far as they need no dependency. They also show how another lock is plugged in. */
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type { FileLock } from '@oa/private-file';

type CreateLock = (path: string) => FileLock;

/** `undefined` is the built-in lock. */
export const locks: { sqlite: undefined; none: CreateLock; mtime: CreateLock; pid: CreateLock } = {
  sqlite: undefined,
  none: () => ({ acquire: () => true, release: () => undefined }),
  mtime: createMtimeLock,
  pid: createPidLock,
};

/** A file created with O_EXCL, touched by its holder, and taken over when it is 1 s old. Most packages do this. */
function createMtimeLock(path: string): FileLock {
  const file = `${path}.mtime`;
  let heartbeat: NodeJS.Timeout | undefined;
  return {
    acquire() {
      if (!createFile(file)) {
        const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: Infinity };
        if (Date.now() - mtimeMs < 1000) return false;
        rmSync(file, { force: true });
        if (!createFile(file)) return false;
      }
      heartbeat = setInterval(() => utimesSync(file, new Date(), new Date()), 250);
      return true;
    },
    release() {
      if (heartbeat === undefined) return;
      clearInterval(heartbeat);
      rmSync(file, { force: true });
    },
  };
}

/** A file created with O_EXCL that names its holder, and is taken over when that process has ended. */
function createPidLock(path: string): FileLock {
  const file = `${path}.pid`;
  let held = false;
  return {
    acquire() {
      held = createFile(file);
      if (held) writeFileSync(file, String(process.pid));
      else if (!isHolderRunning(file)) rmSync(file, { force: true });
      return held;
    },
    release() {
      if (held) rmSync(file, { force: true });
    },
  };
}

function createFile(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx', 0o600));
    return true;
  } catch {
    return false;
  }
}

function isHolderRunning(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}
