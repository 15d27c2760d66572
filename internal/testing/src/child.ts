// For the processes that tests start, apart from what starts them: such a process shows what a package loads, and this file adds nothing to it.
import { existsSync } from 'node:fs';

/** The `task` of `startProcess`, in the process that it started. */
export function readTask(): unknown {
  return JSON.parse(process.argv[2] ?? 'null');
}

/** Milliseconds of a monotonic clock that all processes of the machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** Waits until `file` exists, so that processes begin together. */
export async function barrier(file: string): Promise<void> {
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 2));
}
