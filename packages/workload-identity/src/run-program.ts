import { MAX_TIMER_MS } from '@oa/mechanisms';
import type { OAuthError } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { assertionTooLarge, MAX_ASSERTION_BYTES, noAssertion } from './ready-assertion.ts';

const MAX_PROGRAM_NAME_CHARACTERS = 100;

/** How a program ended. */
export interface ProgramEnd {
  /** The exit status, or the name of the signal that ended it. */
  code: number | string;
  /** Its standard output. */
  output: string;
}

/** How errors name a program. Its arguments, which may have secrets, and its directory are left out. */
export function shownName(program: string): string {
  return `The program ${toErrorText(program.replace(/^.*[/\\](?=.)/s, ''), MAX_PROGRAM_NAME_CHARACTERS)}`;
}

/**
 * Runs a program without a shell, as a process group of its own, and reads at most 64 KiB of its output.
 *
 * @param options `env`: variables besides those of this process; `timeout`: milliseconds
 * @throws {OAuthError} `assertion_unavailable`
 * @throws the reason of `options.signal` when it aborts. No process of the group is left then.
 */
export async function runProgram(
  command: readonly [string, ...string[]],
  options: { env: Record<string, string>; timeout: number; signal: AbortSignal | undefined },
): Promise<ProgramEnd> {
  const { env, timeout, signal } = options;
  const { spawn } = process.getBuiltinModule('node:child_process');
  const [program, ...args] = command;
  const name = shownName(program);
  const isWindows = process.platform === 'win32';
  const { promise, resolve, reject } = Promise.withResolvers<ProgramEnd>();
  const child = startChild();
  // Without file descriptors for it, there is no output.
  const { stdout } = child as { stdout: typeof child.stdout | null | undefined };
  function startChild(): ReturnType<typeof spawn> {
    try {
      return spawn(program, args, {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'ignore'],
        // Windows has no process groups, and opens a window for a detached process.
        detached: !isWindows,
        windowsHide: true,
      });
    } catch (error) {
      // The error of Node.js quotes the arguments.
      throw toProgramError(name, error);
    }
  }

  const kill = isWindows ? () => child.kill('SIGKILL') : () => killGroup(child.pid);
  const giveUp = (reason: unknown): void => {
    reject(reason);
    kill();
    stdout?.destroy();
  };
  const onAbort = (): void => giveUp(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  const timer = setTimeout(
    () =>
      giveUp(
        noAssertion(
          `${name} did not end within ${timeout / 1000} seconds, so it was killed. Run it yourself to see what it waits for, or raise the option \`timeout\`.`,
          { retryable: true },
        ),
      ),
    Math.min(timeout, MAX_TIMER_MS),
  );
  const chunks: Uint8Array[] = [];
  let size = 0;
  stdout?.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_ASSERTION_BYTES)
      giveUp(assertionTooLarge({ name: `The output of ${lowerFirst(name)}`, cure: 'Check the command.' }));
  });
  child.once('error', (error) => reject(toProgramError(name, error)));
  child.once('close', (status, by) =>
    resolve({ code: status ?? String(by), output: Buffer.concat(chunks).toString() }),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function killGroup(pid: number | undefined): void {
  try {
    process.kill(-Number(pid), 'SIGKILL');
  } catch {
    // It has ended already, or was never started.
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function toProgramError(name: string, error: unknown): OAuthError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return noAssertion(`${name} was not found. Check its path, or PATH, and that it is installed.`);
  if (code === 'EACCES') return noAssertion(`${name} can't be executed (EACCES). Check its permissions.`);
  const busy = code === 'EAGAIN' || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM';
  return noAssertion(`${name} can't be started (${String(code)}). Check the command.`, {
    retryable: busy,
  });
}
