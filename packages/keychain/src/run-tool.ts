import type { ChildProcess } from 'node:child_process';

/** More than any answer of a keychain about one item. */
const MAX_TOOL_OUTPUT_BYTES = 65_536;

/** How a program ended. */
export interface ToolEnd {
  /** The exit status, the name of the signal that ended it, or the error code of a program that could not be started. */
  status: number | string;
  stdout: string;
  stderr: string;
}

/** What a program gets. */
export interface ToolInput {
  /** What it reads from its standard input. A secret belongs here, and never into the arguments or the environment. */
  input?: string | undefined;
  signal: AbortSignal;
}

/**
 * Runs a program of the system without a shell. It ends with this process.
 *
 * @param program an absolute path
 * @throws the reason of the signal when it aborts. The program is killed then.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  { input = '', signal }: ToolInput,
): Promise<ToolEnd> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<ToolEnd>();
  // A process without free descriptors gives the child no streams.
  const child: ChildProcess = process.getBuiltinModule('node:child_process').spawn(program, args, {
    env: toolEnvironment(),
    stdio: 'pipe',
    windowsHide: true,
  });
  const end = (): void => {
    child.kill('SIGKILL');
    // Another process may hold the other ends.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const onAbort = (): void => {
    reject(signal.reason);
    end();
  };
  signal.addEventListener('abort', onAbort);
  process.on('exit', end);
  const stdout = collectOutput(child, 'stdout', end);
  const stderr = collectOutput(child, 'stderr', end);
  child.once('error', ({ code }: NodeJS.ErrnoException) => resolve({ status: String(code), stdout: '', stderr: '' }));
  child.once('close', (status, by) => resolve({ status: status ?? String(by), stdout: stdout(), stderr: stderr() }));
  // A program that ends without reading its input is judged by its status.
  child.stdin?.on('error', () => undefined).end(input);
  try {
    return await promise;
  } finally {
    process.off('exit', end);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Collects what a program prints. One that prints too much is killed. */
function collectOutput(child: ChildProcess, name: 'stdout' | 'stderr', kill: () => void): () => string {
  const chunks: Uint8Array[] = [];
  let size = 0;
  child[name]?.on('data', (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > MAX_TOOL_OUTPUT_BYTES) kill();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString();
}

/**
 * The environment of this process, with English messages: they are compared with known ones. The variable of GLib would add messages to the
 * output.
 */
function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C.UTF-8', LANGUAGE: undefined, G_MESSAGES_DEBUG: undefined };
}
