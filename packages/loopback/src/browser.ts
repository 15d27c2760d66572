import type { ChildProcess } from 'node:child_process';

/**
 * Starts the person's browser: the program in `BROWSER`, else the system's default. Calls `failed` if it can't be
 * started, or ends with an error. Never through a shell, and never with anything but an http(s) URL: a server's
 * metadata chose the URL, and has been used to run commands (CVE-2025-6514).
 */
export async function openInBrowser(url: string, failed: () => void): Promise<void> {
  const command = browserCommand(process.env['BROWSER'], url);
  let child: ChildProcess;
  try {
    child = command === undefined ? await (await import('open')).default(url) : await start(command);
  } catch {
    // Why it did not start depends on the machine; what helps is the same: the person opens the URL.
    return failed();
  }
  const ended = (code: number | null): void => {
    if (code !== null && code !== 0) failed();
  };
  // On Windows `open` has waited for its launcher, so that this child has ended already.
  ended(child.exitCode);
  child.once('exit', ended);
}

/** A URL without a character that any launcher on the way could take for its own. */
export function inert(url: URL): string {
  if (!['http:', 'https:'].includes(url.protocol)) throw new TypeError('only an http or https URL can be opened');
  return url.href.replace(
    /["'`$()\\|<>^{}\s]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** `BROWSER`: a program with arguments, several separated by colons; `%s` stands for the URL, or it comes last. */
export function browserCommand(browser: string | undefined, address: string): string[] | undefined {
  // `C:\\` is no separator.
  const words = (browser ?? '').split(/:(?!\\)/, 1)[0]?.match(/"[^"]*"|\S+/g) ?? [];
  if (words.length === 0) return undefined;
  const command = words.map((word) => word.replaceAll('"', ''));
  if (!command.some((word) => word.includes('%s'))) return [...command, address];
  return command.map((word) => word.replaceAll('%s', () => address));
}

async function start([program = '', ...args]: string[]): Promise<ChildProcess> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(program, args, { stdio: 'ignore', detached: true, shell: false });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
  return child;
}
