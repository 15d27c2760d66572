import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** How a process ended, and all it printed. */
export interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A real process that runs a TypeScript program with the workspace's sources. */
export interface Program {
  pid: number;
  kill: (signal: NodeJS.Signals) => void;
  /** All it has printed so far. */
  output(): { stdout: string; stderr: string };
  /** Resolves when it has printed `text`; rejects when it ends before. */
  printed(text: string): Promise<void>;
  ended: Promise<End>;
}

export interface StartOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  /** A program with its arguments to run Node with: `['strace', '-f']`. */
  under?: readonly string[];
  nodeOptions?: readonly string[];
}

/** Starts `program`, which finds its task with `readTask`. */
export function start(program: URL, task: unknown, options: StartOptions = {}): Program {
  const { under = [], nodeOptions = [], ...rest } = options;
  const [command, ...args] = [
    ...under,
    process.execPath,
    '--conditions=@oa/source',
    ...nodeOptions,
    fileURLToPath(program),
    JSON.stringify(task),
  ];
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...rest });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<End>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  async function printed(text: string): Promise<void> {
    while (!stdout.includes(text)) {
      const end = await Promise.race([ended, sleep(5, undefined)]);
      if (end !== undefined && !stdout.includes(text)) throw new Error(`The program ended: ${JSON.stringify(end)}`);
    }
  }
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    output: () => ({ stdout, stderr }),
    printed,
    ended,
  };
}

/** A new directory of one's own, under its real name. */
export function temporaryDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'oa-')));
}

/** A file system of its own, to fill. */
export interface SmallDisk {
  directory: string;
  /** Why there is none here: mounting was not allowed. */
  refused: string | undefined;
  /** Leaves `left` bytes of room. */
  fill: (left: number) => void;
  empty: () => void;
  remount: (mode: 'ro' | 'rw') => void;
  close: () => void;
}

/** Mounts a tmpfs, where that is allowed. Root under CI has to be allowed. */
export function smallDisk(kilobytes: number): SmallDisk {
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
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return 'mounting a tmpfs takes root on Linux';
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=0700`, 'tmpfs', directory], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    return 'mounting a tmpfs is not allowed here';
  }
}
