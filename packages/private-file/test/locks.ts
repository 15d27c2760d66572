/** Other locks to compare with, as far as they can be had without a dependency. They also show what plugging one in takes. */
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type { FileLock } from '@oa/private-file';

type MakeLock = (path: string) => FileLock;

/** `undefined` is the one built in. */
export const locks: { sqlite: undefined; none: MakeLock; mtime: MakeLock; pid: MakeLock } = {
  sqlite: undefined,
  none: () => ({ acquire: () => true, release: () => undefined }),
  mtime: mtimeLock,
  pid: pidLock,
};

/** A file made with O_EXCL, kept young by its holder, taken over when it is 1 s old: what most packages do. */
function mtimeLock(path: string): FileLock {
  const file = `${path}.mtime`;
  let heartbeat: NodeJS.Timeout | undefined;
  return {
    acquire() {
      if (!create(file)) {
        const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: Infinity };
        if (Date.now() - mtimeMs < 1000) return false;
        rmSync(file, { force: true });
        if (!create(file)) return false;
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

/** A file made with O_EXCL that names its holder, taken over when that process is gone. */
function pidLock(path: string): FileLock {
  const file = `${path}.pid`;
  let held = false;
  return {
    acquire() {
      held = create(file);
      if (held) writeFileSync(file, String(process.pid));
      else if (!isAlive(file)) rmSync(file, { force: true });
      return held;
    },
    release() {
      if (held) rmSync(file, { force: true });
    },
  };
}

function create(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx', 0o600));
    return true;
  } catch {
    return false;
  }
}

function isAlive(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}
