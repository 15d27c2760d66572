import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A real process that runs one of `programs/`, with its task as a JSON argument. */
export interface Program {
  child: ChildProcess;
  pid: number;
  /** All it has printed so far. */
  output(): { stdout: string; stderr: string };
  /** Resolves when it has printed `text`; rejects when it ends before. */
  printed(text: string): Promise<void>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>;
}

export function start(
  program: string,
  task: unknown,
  options: { env?: NodeJS.ProcessEnv; cwd?: string; uid?: number } = {},
): Program {
  const file = fileURLToPath(new URL(`programs/${program}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@oa/source', file, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Awaited<Program['ended']>>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  async function printed(text: string): Promise<void> {
    while (!stdout.includes(text)) {
      const end = await Promise.race([ended, new Promise<undefined>((resolve) => setTimeout(resolve, 5, undefined))]);
      if (end !== undefined && !stdout.includes(text)) throw new Error(`${program} ended: ${JSON.stringify(end)}`);
    }
  }
  return { child, pid: child.pid ?? 0, output: () => ({ stdout, stderr }), printed, ended };
}

/** Milliseconds of a clock that all processes of the machine share and nobody sets. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
