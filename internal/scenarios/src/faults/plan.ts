/** The errors that a file call can fail with. The last ones have no name in Node.js, which then calls them "Unknown system error". */
export const faultErrors = {
  EIO: [-5, 'EIO', 'i/o error'],
  EMFILE: [-24, 'EMFILE', 'too many open files'],
  ENFILE: [-23, 'ENFILE', 'file table overflow'],
  ENOMEM: [-12, 'ENOMEM', 'not enough memory'],
  ENOSPC: [-28, 'ENOSPC', 'no space left on device'],
  EACCES: [-13, 'EACCES', 'permission denied'],
  EDQUOT: [-122, 'Unknown system error -122', 'Unknown system error -122'],
  ESTALE: [-116, 'Unknown system error -116', 'Unknown system error -116'],
  ENOKEY: [-126, 'Unknown system error -126', 'Unknown system error -126'],
} as const satisfies Record<string, readonly [number, string, string]>;

export type FaultError = keyof typeof faultErrors;

/** Which call fails, and how. */
export interface FaultPlan {
  /** The directories whose calls count. */
  roots: readonly string[];
  /** The number of the call, from 1. 0 fails none. */
  at: number;
  /** `kill` ends the process with SIGKILL in place of the call. */
  fault: FaultError | 'kill';
  /** How many calls fail, one after the other. @default 1 */
  lasts?: number;
  /** Whether the calls are those of files, or the modules that are loaded from now on. @default 'file' */
  count?: 'file' | 'import';
}

/** What a process does with its faults. The preloaded module `preload.ts` makes it. */
export interface FaultControl {
  /** Counts from 1 from now on. */
  start(plan: FaultPlan): void;
  /** Lets every call pass. Returns the calls since `start`, such as `openSync cache/oa/tokens/*.json`. */
  stop(): string[];
}

declare global {
  // oxlint-disable-next-line no-var -- a declaration of a member of globalThis
  var faultControl: FaultControl | undefined;
}

/** The control of this process, which must have been started with `--import` of `preload.ts`. */
export function faultControl(): FaultControl {
  if (globalThis.faultControl === undefined) throw new Error('The module preload.ts is not preloaded.');
  return globalThis.faultControl;
}
