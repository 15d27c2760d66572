/** The calls of this process, and which of them fails. */
import { faultErrors, type FaultControl, type FaultError, type FaultPlan } from './plan.ts';

const SYSTEM_CALLS: Record<string, string> = {
  readFile: 'read',
  sync: 'fsync',
  datasync: 'fdatasync',
  readdir: 'scandir',
  rm: 'unlink',
  'handle.stat': 'fstat',
  'handle.truncate': 'ftruncate',
};

let plan: FaultPlan | undefined;
let calls: string[] = [];

/** Lets the program decide when the counting starts. */
export const control: FaultControl = {
  start(next) {
    plan = next;
    calls = [];
  },
  stop() {
    plan = undefined;
    return calls;
  },
};

/** Counts a call. Returns the fault, if this is the call that fails. */
export function countCall(kind: 'file' | 'import', name: string, path: string): FaultError | undefined {
  if (plan === undefined || (plan.count ?? 'file') !== kind) return undefined;
  calls.push(`${name} ${toLabel(path)}`);
  const { at, lasts = 1 } = plan;
  if (at === 0 || calls.length < at || calls.length >= at + lasts) return undefined;
  if (plan.fault !== 'kill') return plan.fault;
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return undefined;
}

function toLabel(path: string): string {
  const root = plan?.roots.find((each) => path.startsWith(each)) ?? '';
  const inside = path.slice(root.lastIndexOf('/') + 1);
  return inside.replaceAll(/[\da-f]{64}/g, '*').replaceAll(/[\da-f]{18}/g, '*');
}

/** Whether calls on `path` count. */
export function isCounted(path: unknown): path is string {
  return typeof path === 'string' && plan?.roots.some((root) => path === root || path.startsWith(`${root}/`)) === true;
}

/** The error of a failed call, as Node.js makes it. */
export function toSystemError(fault: FaultError, name: string, path: string): Error {
  const [errno, code, text] = faultErrors[fault];
  const plain = name.replace('handle.', '').replace(/Sync$/, '');
  const syscall = SYSTEM_CALLS[name] ?? SYSTEM_CALLS[plain] ?? plain;
  return Object.assign(new Error(`${code}: ${text}, ${syscall} '${path}'`), { errno, code, syscall, path });
}
