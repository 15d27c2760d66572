/**
 * For `node --import`: counts the file calls of a process, and fails one of them, or kills the process there. It wraps the functions of
 * `node:fs` and `node:fs/promises`, the methods of each `FileHandle`, the databases of `node:sqlite`, and the loading of modules.
 *
 * A failing call does nothing, except that a failing `close` closes, as the system does.
 */
import fs from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import { control, countCall, isCounted, toSystemError } from './calls.ts';
import { wrapSqlite, type Sqlite } from './sqlite.ts';

type AnyFunction = (...args: unknown[]) => unknown;
type Members = Record<string, unknown>;

globalThis.faultControl = control;
/** The paths of the open descriptors. */
const descriptors = new Map<number, string>();

/** The path that a call works on: an argument, or what its descriptor was opened with. */
function pathOf(args: readonly unknown[]): string | undefined {
  const [first, second] = args;
  if (typeof first === 'number') return isCounted(descriptors.get(first)) ? descriptors.get(first) : undefined;
  return [first, second].find(isCounted);
}

function wrapSync(members: Members, name: string): void {
  const original = members[name];
  if (typeof original !== 'function') return;
  const wrapped = (...args: unknown[]): unknown => {
    const path = pathOf(args);
    const fault = path === undefined ? undefined : countCall('file', name, path);
    const failing = fault !== undefined && path !== undefined ? toSystemError(fault, name, path) : undefined;
    if (failing !== undefined && name !== 'closeSync') throw failing;
    const result = Reflect.apply(original as AnyFunction, members, args);
    if (name === 'openSync') descriptors.set(result as number, String(args[0]));
    if (name === 'closeSync') descriptors.delete(args[0] as number);
    if (failing !== undefined) throw failing;
    return result;
  };
  members[name] = Object.assign(wrapped, original);
}

function wrapPromise(members: Members, name: string): void {
  const original = members[name];
  if (typeof original !== 'function') return;
  members[name] = async (...args: unknown[]): Promise<unknown> => {
    const path = pathOf(args);
    const fault = path === undefined ? undefined : countCall('file', name, path);
    if (fault !== undefined && path !== undefined) throw toSystemError(fault, name, path);
    const result = await Reflect.apply(original as AnyFunction, members, args);
    if (name === 'open') wrapHandle(result as fs.promises.FileHandle, String(args[0]));
    return result;
  };
}

const HANDLE_METHODS =
  'appendFile chmod chown close datasync read readFile readv stat sync truncate utimes write writeFile writev';

function wrapHandle(handle: fs.promises.FileHandle, path: string): void {
  if (!isCounted(path)) return;
  const members = handle as unknown as Members;
  for (const method of HANDLE_METHODS.split(' ')) {
    const original = members[method] as AnyFunction;
    members[method] = async (...args: unknown[]): Promise<unknown> => {
      const fault = isCounted(path) ? countCall('file', `handle.${method}`, path) : undefined;
      const failing = fault === undefined ? undefined : toSystemError(fault, `handle.${method}`, path);
      if (failing !== undefined && method !== 'close') throw failing;
      const result = await Reflect.apply(original, handle, args);
      if (failing !== undefined) throw failing;
      return result;
    };
  }
}

const promises = fs.promises as unknown as Members;
const members = fs as unknown as Members;
for (const name of Object.keys(members)) if (name.endsWith('Sync')) wrapSync(members, name);
for (const name of Object.keys(promises)) if (name !== 'constants') wrapPromise(promises, name);
syncBuiltinESMExports();

let counting: Sqlite | undefined;
const getBuiltinModule: (id: string) => object | undefined = process.getBuiltinModule.bind(process);
process.getBuiltinModule = (id: string) => {
  const found = getBuiltinModule(id);
  if (found === undefined || !/^(node:)?sqlite$/.test(id)) return found;
  return (counting ??= wrapSqlite(found as Sqlite));
};

registerHooks({
  load(url, context, nextLoad) {
    const fault = url.startsWith('file:')
      ? countCall('import', 'import', url.replace(/^.*\/packages\//, ''))
      : undefined;
    if (fault !== undefined) throw toSystemError(fault, 'open', url);
    return nextLoad(url, context);
  },
});
