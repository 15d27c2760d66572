import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sourceArguments } from './conditions.ts';

/** How a process ended, and its output. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A real process that a test started. */
export interface TestProcess {
  pid: number;
  kill: (signal: NodeJS.Signals) => void;
  /** Writes to its stdin. Requires the option `input`. */
  write: (text: string) => void;
  /** Closes its stdin. */
  endInput: () => void;
  /** Its output so far. */
  output: () => { stdout: string; stderr: string };
  /** Resolves when stdout or stderr matches; rejects when the process ends before. */
  printed: (pattern: string | RegExp) => Promise<RegExpExecArray>;
  ended: Promise<ProcessEnd>;
}

export interface StartOptions {
  /** JSON that the program reads with `readTask` of `@oa-internal/testing/child`, as its first argument. */
  task?: unknown;
  args?: readonly string[];
  /** The whole environment. @default that of this process */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** The user to run as. */
  uid?: number;
  /** A program that runs Node, with its arguments, such as `['strace', '-f']`. */
  under?: readonly string[];
  nodeOptions?: readonly string[];
  /** Whether the test writes to stdin. @default false, no stdin */
  input?: boolean;
  /** Whether the process uses the terminal of this one. Its output is not captured then. @default false */
  inherit?: boolean;
}

/** Starts a TypeScript or JavaScript program with Node, which resolves `@oa` packages to their sources, or to what is built. */
export function startProcess(program: URL | string, options: StartOptions = {}): TestProcess {
  const { task, args = [], under = [], nodeOptions = [], input = false, inherit = false, ...rest } = options;
  const [command, ...commandArguments] = [
    ...under,
    process.execPath,
    ...sourceArguments,
    ...nodeOptions,
    typeof program === 'string' ? program : fileURLToPath(program),
    ...(task === undefined ? [] : [JSON.stringify(task)]),
    ...args,
  ];
  const child = spawn(command ?? process.execPath, commandArguments, {
    stdio: inherit ? 'inherit' : [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    ...rest,
  });
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  // A killed process takes no more input. The test sees the end in `ended`.
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<ProcessEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  // A test that does not wait for the end must not fail because of it.
  ended.catch(() => undefined);

  function printed(pattern: string | RegExp): Promise<RegExpExecArray> {
    const wanted = typeof pattern === 'string' ? new RegExp(escapePattern(pattern)) : pattern;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = wanted.exec(output.stdout) ?? wanted.exec(output.stderr);
        if (match === null) return;
        listeners.delete(look);
        resolve(match);
      };
      listeners.add(look);
      look();
      const fail = (end: unknown): void =>
        reject(new Error(`The process ended before ${wanted}: ${JSON.stringify(end)}`));
      ended.then(fail, fail);
    });
  }

  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    write: (text) => void child.stdin?.write(text),
    endInput: () => void child.stdin?.end(),
    output: () => ({ ...output }),
    printed,
    ended,
  };
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
