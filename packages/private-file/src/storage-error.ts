import { OAuthError } from '@oa/types';
import { findBase, variablesOf } from './base-directory.ts';
import { quotePath } from './message.ts';

const ELSEWHERE = 'use another directory';

/** Failures that stay until the user or the operator changes something. */
const LASTING: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space',
  EFBIG: 'it would be larger than this process may write; raise the limit (ulimit -f)',
  EROFS: `the file system is read-only; ${ELSEWHERE}`,
  EACCES: `this user may not use it; change its permissions or ${ELSEWHERE}`,
  EPERM: `this user may not use it; change its permissions or ${ELSEWHERE}`,
  ENOTDIR: 'a part of the path is not a directory; use another path',
  EEXIST: 'a part of the path is not a directory; use another path',
  EISDIR: 'it is a directory; move it away',
  ELOOP: 'its symbolic links lead in a circle; use another path',
  ENAMETOOLONG: 'the path is too long; use a shorter one',
  ENOSYS: `the file system does not support it; ${ELSEWHERE}`,
  ENOTSUP: `the file system does not support it; ${ELSEWHERE}`,
  EOPNOTSUPP: `the file system does not support it; ${ELSEWHERE}`,
};

/** The lasting failures that a read can meet. Another one, such as a full disk, says nothing of the file. */
const LASTING_FOR_READS: ReadonlySet<string> = new Set('EACCES EPERM ENOTDIR EISDIR ELOOP ENAMETOOLONG'.split(' '));

/** All other failures may be over in a moment. What can't be read then may be intact, so it does not count as missing. */
const MOMENTARY: Record<string, string> = {
  // Some file systems refuse a read with it too.
  EDQUOT: 'the disk quota is used up; free some space',
  EMFILE: 'this process has too many open files; close some, or raise the limit (ulimit -n)',
  ENFILE: 'the system has too many open files; try again later',
  ENOENT: 'it was removed in the meantime; try again',
};

/**
 * Converts an error of the file system, or of the permission model of a runtime, to an `OAuthError`. Any other error is a bug and stays
 * the same.
 *
 * @param path what could not be used, for the message
 * @param reading whether only a read has failed
 * @returns a `storage_unavailable`, `retryable` if the failure may be over in a moment; or `error` itself
 */
export function toStorageError(error: unknown, path: string, reading: boolean = false): unknown {
  const name = systemErrorName(error);
  if (name === undefined) return isPermissionMissing(error) ? permissionError(path) : error;
  const lasting = reading && !LASTING_FOR_READS.has(name) ? undefined : LASTING[name];
  const advice = lasting ?? MOMENTARY[name] ?? 'it may be usable in a moment; try again';
  const means = advice.endsWith(ELSEWHERE) ? waysElsewhere(path) : '';
  return new OAuthError('storage_unavailable', `${quotePath(path)} can't be used (${name}): ${advice}${means}.`, {
    retryable: lasting === undefined,
  });
}

/** The user of a program can't know what names its directory. */
function waysElsewhere(path: string): string {
  const base = findBase(path);
  return base === undefined ? '' : `, which ${variablesOf(base)} can name`;
}

/**
 * Waits for a call of the file system, or for a module that is loaded late.
 *
 * @param path what could not be used, for the message
 * @throws {OAuthError} `storage_unavailable`, see {@link toStorageError}
 */
export async function withStorageErrors<T>(path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw toStorageError(error, path);
  }
}

function permissionError(path: string): OAuthError {
  return new OAuthError(
    'storage_unavailable',
    `${quotePath(path)} can't be used: the runtime was started without the permission for it. ` +
      'Allow it (Deno: --allow-read, --allow-write, --allow-env and --allow-sys; Node.js: --allow-fs-read and --allow-fs-write).',
  );
}

/** The name of a system error, such as `ENOENT`. Nothing else of such an error is kept. */
export function systemErrorName(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno, syscall } = error as NodeJS.ErrnoException;
  if (code === 'ERR_INVALID_PACKAGE_CONFIG') return nameInPackageError(error.message);
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) && !code.startsWith('ERR')) return code;
  return typeof errno === 'number' && typeof syscall === 'string' ? nameOfNumber(Math.abs(errno)) : undefined;
}

/** Node.js reads the description of a package before its modules, and reports a failure of the system as a text only. */
function nameInPackageError(message: string): string | undefined {
  const text = /^Cannot read package config [^]*: ([^:]+)\.$/.exec(message)?.[1];
  const systemErrors = [...process.getBuiltinModule('node:util').getSystemErrorMap().values()];
  return systemErrors.find(([, each]) => each === text)?.[0];
}

/** Node.js has no name for some numbers. It calls EDQUOT "Unknown system error -122". */
function nameOfNumber(number: number): string {
  const { errno } = process.getBuiltinModule('node:os').constants;
  return Object.entries(errno).find(([, value]) => value === number)?.[0] ?? `error ${number}`;
}

/** Whether `error` is a system error with one of these names. */
export function isSystemError(error: unknown, ...names: string[]): boolean {
  const name = systemErrorName(error);
  return name !== undefined && names.includes(name);
}

/** Whether the permission model of Node.js or Deno has refused. The system was not asked. */
export function isPermissionMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ERR_ACCESS_DENIED') || /^(NotCapable|PermissionDenied)$/.test(error.name);
}
