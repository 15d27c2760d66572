import type { ChildProcess } from 'node:child_process';

/** A shell would run the URL as a command, or ignore it. */
const SHELLS: ReadonlySet<string> = new Set(
  'sh ash bash csh dash fish ksh mksh nu tcsh zsh busybox cmd command powershell pwsh'.split(' '),
);

/**
 * Opens `url` in the browser: with the program in `BROWSER`, otherwise with the default of the system. Calls `onFailure` if the browser
 * can't be started, is a shell, or exits with an error.
 *
 * No shell is used. `url` must come from {@link sanitizeUrl}: the server's metadata chose it, and such URLs have been used to run
 * commands (CVE-2025-6514).
 */
export async function openInBrowser(url: string, onFailure: () => void): Promise<void> {
  const command = parseBrowserCommand(process.env['BROWSER'], url);
  if (command !== undefined && startsShell(command)) return onFailure();
  let child: ChildProcess;
  try {
    child = command === undefined ? await (await import('open')).default(url) : await spawnDetached(command);
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
 * Parses `BROWSER`: a program with arguments, or several separated by colons, of which the first is used. `%s` stands for the URL.
 * Without `%s` the URL is the last argument.
 */
export function parseBrowserCommand(browser: string | undefined, url: string): string[] | undefined {
  // The colon of `C:\\` does not separate programs.
  const words = (browser ?? '').split(/:(?!\\)/, 1)[0]?.match(/"[^"]*"|\S+/g) ?? [];
  if (words.length === 0) return undefined;
  const command = words.map((word) => word.replaceAll('"', ''));
  if (!command.some((word) => word.includes('%s'))) return [...command, url];
  return command.map((word) => word.replaceAll('%s', () => url));
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
