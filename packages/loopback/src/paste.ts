import { LOOPBACK_HOSTS } from '@oa/types/rfc';
import type { PasteStreams } from './options.ts';

/**
 * Reads the lines that the user pastes, until `close`. Then the input is paused, so that it does not keep the process alive, and the
 * program can read it again.
 *
 * On a terminal the line editor of readline is used: the kernel's cuts a line at 4,096 characters (macOS: 1,024), and redirect URLs
 * can be longer.
 */
export function readPastedLines({ input, output }: PasteStreams, onLine: (line: string) => void): { close(): void } {
  const { createInterface } = process.getBuiltinModule('node:readline');
  const terminal = isTerminal(input) && isTerminal(output);
  const lines = createInterface({ input, output, terminal, historySize: 0, prompt: '' });
  lines.on('line', (line) => {
    if (line.trim() !== '') onLine(line.trim());
  });
  // In the raw mode of the editor Ctrl-C is only a key. It must end the program, as without the editor.
  lines.once('SIGINT', () => {
    lines.close();
    process.kill(process.pid, 'SIGINT');
  });
  return { close: () => lines.close() };
}

/** The callback URL in a pasted line, `undefined` if it is something else. Some browsers copy an address without its scheme. */
export function parsePastedUrl(line: string, redirect_uri: string): string | undefined {
  const url = LOOPBACK_HOSTS.some((host) => line.startsWith(`${host}:`)) ? `http://${line}` : line;
  const next = url.startsWith(redirect_uri) ? url.charAt(redirect_uri.length) : '';
  return next === '?' || next === '&' ? url : undefined;
}

/** The streams to use for the option `paste`, `undefined` if pasting is off. */
export function toPasteStreams(paste: boolean | PasteStreams | undefined): PasteStreams | undefined {
  if (typeof paste === 'object') return paste;
  return (paste ?? isTerminal(process.stdin)) ? { input: process.stdin, output: process.stderr } : undefined;
}

function isTerminal(stream: object): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}
