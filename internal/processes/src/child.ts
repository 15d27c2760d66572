// For the started programs, apart from what starts them: they show what a package loads, and add nothing to it.
import { existsSync } from 'node:fs';

/** What `start` was told, in the process that it started. */
export function readTask(): unknown {
  return JSON.parse(process.argv[2] ?? 'null');
}

/** Milliseconds of a clock that all processes of the machine share and nobody sets. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** Waits until `file` exists: how processes start together. */
export async function barrier(file: string): Promise<void> {
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 2));
}
