// For the processes that tests start. Such a process can show what a package loads, so this file loads almost nothing.
import { existsSync } from 'node:fs';

/** Reads the `task` of `startProcess`, in the process that it started. */
export function readTask(): unknown {
  return JSON.parse(process.argv[2] ?? 'null');
}

/** The time in milliseconds on a monotonic clock that all processes of the machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** Waits until `file` exists, so that processes start their work together. */
export async function barrier(file: string): Promise<void> {
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 2));
}
