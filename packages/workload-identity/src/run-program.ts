import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { MAX_TIMER_MS } from '@oa/mechanisms';
import type { OAuthError } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { assertionTooLarge, MAX_ASSERTION_BYTES, noAssertion } from './ready-assertion.ts';
import { addRunning, removeRunning } from './running-programs.ts';

const MAX_PROGRAM_NAME_CHARACTERS = 100;
const BUSY_CODES: ReadonlySet<unknown> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** A program, then its arguments. */
export type Command = readonly [string, ...string[]];

/** How a program ended. */
export interface ProgramEnd {
  /** The exit status, or the name of the signal that ended it. */
  code: number | string;
  /** Its standard output. */
  output: string;
}

/** How errors name a program. Its arguments, which may have secrets, and its directory are left out. */
export function shownName(program: string): string {
  return `program ${toErrorText(program.replace(/^.*[/\\](?=.)/s, ''), MAX_PROGRAM_NAME_CHARACTERS)}`;
}

/**
 * Runs a program without a shell, as a process group of its own, and reads at most 64 KiB of its output.
 *
 * @param options `env`: variables besides those of this process; `timeout`: milliseconds
 * @throws {OAuthError} `assertion_unavailable`
 * @throws the reason of `options.signal` when it aborts. No process of the group is left then.
 */
export async function runProgram(
  command: Command,
  options: { env: Record<string, string>; timeout: number; signal: AbortSignal | undefined },
): Promise<ProgramEnd> {
  const { env, timeout, signal } = options;
  const name = shownName(command[0]);
  const { promise, resolve, reject } = Promise.withResolvers<ProgramEnd>();
  const child = startProgram(command, env);
  // Without file descriptors for it, there is no output.
  const { stdout } = child as { stdout: Readable | null | undefined };
  const kill = (): void => killProgram(child);
  const giveUp = (reason: unknown): void => {
    reject(reason);
    kill();
    stdout?.destroy();
  };
  const onAbort = (): void => giveUp(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  addRunning(kill);
  const timer = setTimeout(() => giveUp(tooSlow(name, timeout)), Math.min(timeout, MAX_TIMER_MS));
  const chunks: Uint8Array[] = [];
  let size = 0;
  stdout?.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_ASSERTION_BYTES)
      giveUp(assertionTooLarge({ name: `The output of the ${name}`, cure: 'Check the command.' }));
  });
  child.once('error', (error) => reject(toProgramError(name, error)));
  child.once('close', (status, by) =>
    resolve({ code: status ?? String(by), output: Buffer.concat(chunks).toString() }),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    removeRunning(kill);
    signal?.removeEventListener('abort', onAbort);
  }
}

function startProgram([program, ...args]: Command, env: Record<string, string>): ChildProcess {
  try {
    return process.getBuiltinModule('node:child_process').spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
      // Windows has no process groups, and opens a window for a detached process.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
  } catch (error) {
    // The error of Node.js quotes the arguments.
    throw toProgramError(shownName(program), error);
  }
}

/** Kills the program, and its process group where there are such groups. */
function killProgram(child: ChildProcess): void {
  child.kill('SIGKILL');
  try {
    process.kill(-Number(child.pid), 'SIGKILL');
  } catch {
    // All of it has ended already, it was never started, or this is Windows.
  }
}

function tooSlow(name: string, timeout: number): OAuthError {
  return noAssertion(
    `The ${name} did not end within ${timeout / 1000} seconds, so it was killed. Run it yourself to see what it waits for, or raise the option \`timeout\`.`,
    { retryable: true },
  );
}

function toProgramError(name: string, error: unknown): OAuthError {
  const { code } = error as { code?: unknown };
  if (code === 'ENOENT')
    return noAssertion(`The ${name} was not found. Check its path, or PATH, and that it is installed.`);
  if (code === 'EACCES') return noAssertion(`The ${name} can't be executed (EACCES). Check its permissions.`);
  return noAssertion(`The ${name} can't be started (${String(code)}). Check the command.`, {
    retryable: BUSY_CODES.has(code),
  });
}
