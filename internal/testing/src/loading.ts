import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sourceArguments } from './conditions.ts';

const run = promisify(execFile);

/** What a process has loaded. */
export interface Loading {
  /** The URLs of all modules that were loaded, `node:` modules included, without those of the hash that the builds include. */
  urls: string[];
  /** What was imported, in order: each `import` statement, and each call of `import()`, whether or not the module was loaded already. */
  imports: string[];
  /** The packages of `node_modules` among the modules. */
  packages: string[];
  /** Node's own modules that were loaded, such as `internal/deps/undici/undici`. */
  builtins: string[];
  /** The modules that the program requested with `process.getBuiltinModule`. */
  requested: string[];
  /**
   * Which of the globals `fetch`, `Request`, `Headers` and `Response` the program read: each of them loads undici. Watching them loads
   * undici as well: a test that looks for undici in `builtins` sets `watchGlobals` to false.
   */
  globals: string[];
}

const OBSERVER = `
  import { registerHooks } from 'node:module';
  const urls = [];
  const imports = [];
  const requested = [];
  const globals = [];
  registerHooks({
    resolve(specifier, context, next) { imports.push(specifier); return next(specifier, context); },
    load(url, context, next) { if (!url.includes('/@noble/hashes/')) urls.push(url); return next(url, context); },
  });
  const { getBuiltinModule } = process;
  process.getBuiltinModule = (name) => (requested.push(name), getBuiltinModule(name));
  for (const name of process.env.OA_WATCH_GLOBALS === '0' ? [] : ['fetch', 'Request', 'Headers', 'Response']) {
    const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get() { globals.push(name); return value ?? get.call(globalThis); },
    });
  }
  globalThis.loading = () => ({
    urls: [...urls],
    imports: [...imports],
    packages: [...new Set(urls.flatMap((url) => /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1] ?? []))],
    builtins: process.moduleLoadList.map((name) => name.replace('NativeModule ', '')),
    requested: [...requested],
    globals: [...globals],
  });
`;

/**
 * Runs JavaScript in its own process. The program can call `loading()` for a {@link Loading}, and prints one JSON value.
 *
 * @param directory the directory from which its imports are resolved
 * @returns the value that the program printed
 */
export async function observeLoading<T>(
  program: string,
  directory: string,
  env: NodeJS.ProcessEnv = {},
  { watchGlobals = true }: { watchGlobals?: boolean } = {},
): Promise<T> {
  const observer = `--import=data:text/javascript,${encodeURIComponent(OBSERVER)}`;
  const args = [...sourceArguments, observer, '--input-type=module', '-e', program];
  const { stdout } = await run(process.execPath, args, {
    cwd: directory,
    env: { ...process.env, OA_WATCH_GLOBALS: watchGlobals ? '1' : '0', ...env },
  });
  return JSON.parse(stdout) as T;
}
