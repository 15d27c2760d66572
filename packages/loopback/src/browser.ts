import type { ChildProcess } from 'node:child_process';

/** A shell would run the URL as a command, or ignore it. */
const SHELLS: ReadonlySet<string> = new Set(
  'sh ash bash csh dash fish ksh mksh nu tcsh zsh busybox cmd command powershell pwsh'.split(' '),
);

/**
 * Opens `url` in the browser: with the programs in `BROWSER`, each in turn until one succeeds, otherwise with the default of the system.
 * Calls `onFailure` with the names of the programs if none can be started, or all are shells or exit with an error. `isOpened`: a program
 * that exits with an error after a browser has opened the URL has not failed, and a second browser must not open it.
 *
 * No shell is used. `url` must come from {@link sanitizeUrl}: the server's metadata chose it, and such URLs have been used to run
 * commands (CVE-2025-6514).
 */
export async function openInBrowser(
  url: string,
  onFailure: (programs: string[]) => void,
  isOpened: () => boolean = () => false,
): Promise<void> {
  const commands = parseBrowserCommands(process.env['BROWSER'], url);
  if (commands.length > 0) return openWithCommands(commands, [], onFailure, isOpened);
  await watchBrowser(
    async () => (await import('open')).default(url),
    () => onFailure([]),
  );
}

async function openWithCommands(
  [command, ...others]: readonly string[][],
  failed: string[],
  onFailure: (programs: string[]) => void,
  isOpened: () => boolean,
): Promise<void> {
  if (isOpened()) return undefined;
  if (command === undefined) return onFailure(failed);
  const tryNext = (): Promise<void> => openWithCommands(others, [...failed, command[0] ?? ''], onFailure, isOpened);
  if (startsShell(command)) return tryNext();
  await watchBrowser(
    () => spawnDetached(command),
    () => void tryNext(),
  );
}

/** Calls `onFailure` if the browser can't be started, or exits with an error. */
async function watchBrowser(start: () => Promise<ChildProcess>, onFailure: () => void): Promise<void> {
  let child: ChildProcess;
  try {
    child = await start();
  } catch {
    // The cause depends on the machine. The remedy is always the same: the user opens the URL.
    return onFailure();
  }
  const onExit = (code: number | null): void => {
    if (code !== null && code !== 0) onFailure();
  };
  // On Windows `open` waits for its launcher, so this process has already exited.
  onExit(child.exitCode);
  child.once('exit', onExit);
}

/**
 * The text of `url`, without characters that a launcher could interpret.
 *
 * @throws {TypeError} if `url` is neither http nor https
 */
export function sanitizeUrl(url: URL): string {
  if (!['http:', 'https:'].includes(url.protocol)) throw new TypeError('The URL to open must be an http or https URL.');
  return url.href.replace(
    /["'`$()\\|<>^{}\s]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/**
 * Parses `BROWSER`: programs with arguments, separated by colons. `%s` stands for the URL. Without `%s` the URL is the last argument. An
 * entry that begins with the path of a file starts this program, also if the path has spaces. Some users quote `%s`, and end a command
 * with `&`, as for a shell.
 */
export function parseBrowserCommands(browser: string | undefined, url: string): string[][] {
  // The colon of `C:\\`, `C:/`, a URL or a port does not separate programs.
  return (browser ?? '').split(/(?<!(?:^|:)[A-Za-z]):(?!\\|\/\/|\d)/).flatMap((text) => {
    const entry = text.trim().replace(/\s+&$/, '');
    const path = findPath(entry);
    const rest = entry.slice(path.length);
    const others = Array.from(rest.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"']|["'])+/g), ([word]) =>
      word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
    );
    const words = path === '' ? others : [path, ...others];
    if (words.length === 0) return [];
    if (!words.some((word) => word.includes('%s'))) return [[...words, url]];
    return [words.map((word) => word.replaceAll('%s', () => url))];
  });
}

/** The longest start of an entry that is the path of a file with spaces, empty if there is none. */
function findPath(entry: string): string {
  const { existsSync, statSync } = process.getBuiltinModule('node:fs');
  const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
  const ends = [...entry.matchAll(/\s+|$/g)].map(({ index }) => index).toReversed();
  const end = ends.find((each) => /[/\\].*\s/.test(entry.slice(0, each)) && isFile(entry.slice(0, each)));
  return entry.slice(0, end ?? 0);
}

/** Whether a command is a shell, or starts one with a command of its own: `env sh -c ...`. */
export function startsShell(command: readonly string[]): boolean {
  return command.some((word, index) => isShell(word) && (index === 0 || /^[-/]\w*c/i.test(command[index + 1] ?? '')));
}

function isShell(word: string): boolean {
  const name = word.toLowerCase().split(/[/\\]/).at(-1) ?? '';
  return SHELLS.has(name.replace(/\.(?:exe|com)$/, ''));
}

async function spawnDetached([program = '', ...args]: string[]): Promise<ChildProcess> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(program, args, { stdio: 'ignore', detached: true, shell: false });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
  return child;
}
