import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type AnyFunction = (...args: unknown[]) => unknown;
type Members = Record<string, AnyFunction>;

/** The error of a file call, as Node.js makes it. */
export function systemError(code: string, errno: number, syscall: string): Error {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, errno, syscall });
}

/**
 * Replaces a function of `node:fs` (`linkSync`) or of `node:fs/promises` (`promises.rename`). It reaches modules that import the
 * function by its name.
 *
 * @param replace makes the new function from the original one
 * @returns restores the original one
 */
export function replaceCall(name: string, replace: (original: AnyFunction) => AnyFunction): () => void {
  const isPromise = name.startsWith('promises.');
  const members = (isPromise ? fs.promises : fs) as unknown as Members;
  const member = name.replace('promises.', '');
  const original = members[member] as AnyFunction;
  members[member] = replace(original.bind(members));
  syncBuiltinESMExports();
  return () => {
    members[member] = original;
    syncBuiltinESMExports();
  };
}

/** Makes a function reject or throw `error` the first `times` times that `matches` is true for its arguments. */
export function failCall(
  name: string,
  error: Error,
  times: number = 1,
  matches: (...args: unknown[]) => boolean = () => true,
): () => void {
  let left = times;
  return replaceCall(name, (original) => (...args) => {
    if (left === 0 || !matches(...args)) return original(...args);
    left -= 1;
    if (name.startsWith('promises.')) return Promise.reject(error);
    throw error;
  });
}
