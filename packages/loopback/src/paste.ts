import type { PasteStreams } from './options.ts';

/**
 * Reads lines that the person pastes, until `close`. Afterwards the input is paused, so that it keeps no process alive,
 * and is the program's again.
 *
 * On a terminal this is readline's editor: the kernel's cuts a line at 4,096 characters (macOS: 1,024), and redirect URLs
 * can be longer.
 */
export function readPasted({ input, output }: PasteStreams, pasted: (line: string) => void): { close(): void } {
  const { createInterface } = process.getBuiltinModule('node:readline');
  const terminal = isTerminal(input) && isTerminal(output);
  const lines = createInterface({ input, output, terminal, historySize: 0, prompt: '' });
  lines.on('line', (line) => {
    if (line.trim() !== '') pasted(line.trim());
  });
  // In the editor's raw mode Ctrl-C is only a key. It has to end the program as it always does.
  lines.once('SIGINT', () => {
    lines.close();
    process.kill(process.pid, 'SIGINT');
  });
  return { close: () => lines.close() };
}

/** What a person pastes, as the URL it was: some browsers copy an address without its scheme. */
export function pastedUrl(line: string, redirect_uri: string): string | undefined {
  const url = /^(127\.0\.0\.1|\[::1\]|localhost):/.test(line) ? `http://${line}` : line;
  const next = url.startsWith(redirect_uri) ? url.charAt(redirect_uri.length) : '';
  return next === '?' || next === '&' ? url : undefined;
}

/** Where to read from, if anything is to be read: a terminal, unless the caller says otherwise. */
export function pasteStreams(paste: boolean | PasteStreams | undefined): PasteStreams | undefined {
  if (typeof paste === 'object') return paste;
  return (paste ?? isTerminal(process.stdin)) ? { input: process.stdin, output: process.stderr } : undefined;
}

function isTerminal(stream: object): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}
