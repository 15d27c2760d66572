import type { PasteStreams } from './options.ts';
import type { LoginScreen } from './screen.ts';
import { handleStops } from './stop.ts';

/** The editor that the user pastes into. */
export interface PasteReader {
  /** Whether the input is still read. It is not after an end of file. */
  isOpen(): boolean;
  close(): void;
}

/**
 * Lines that arrive together are one paste: a terminal or a mail program has wrapped the address. A paste arrives in pieces, with a few
 * milliseconds between them.
 */
const PASTE_PAUSE_MS = 250;
/** The keys that end a program: Ctrl-C and Ctrl-\. Windows has no SIGQUIT. */
const SIGNALS_OF_KEYS: readonly (readonly [key: string, signal: NodeJS.Signals])[] =
  process.platform === 'win32'
    ? [['\u0003', 'SIGINT']]
    : [
        ['\u0003', 'SIGINT'],
        ['\u001C', 'SIGQUIT'],
      ];

/**
 * Reads what the user pastes, until `close`. Then the input is paused, so that it does not keep the process alive, and the program can
 * read it again. `onLines` receives the lines that arrived together, without empty ones.
 *
 * On a terminal the line editor of readline is used: the kernel's cuts a line at 4,096 characters (macOS: 1,024), and redirect URLs
 * can be longer. Where the output is no terminal, such as a log file, the editor shows nothing: the text has the code in it.
 */
export function readPastedLines(
  { input, output }: PasteStreams,
  onLines: (lines: string[]) => void,
  screen?: Pick<LoginScreen, 'follow'>,
): PasteReader {
  const { createInterface } = process.getBuiltinModule('node:readline');
  const terminal = isTerminal(input);
  const shown = terminal && !isTerminal(output) ? undefined : output;
  const editor = createInterface({ input, output: shown, terminal, historySize: 0, prompt: '' });
  if (terminal && output === process.stderr) screen?.follow(editor, input);
  const pending: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;
  const flush = (): void => {
    // The rest of the paste is still in the editor: it has no line break at its end.
    if (terminal && isOpen && editor.line.trim() !== '') return;
    if (pending.length > 0) onLines(pending.splice(0));
  };
  editor.on('line', (line) => {
    if (line.trim() !== '') pending.push(line.trim());
    clearTimeout(timer);
    timer = setTimeout(flush, PASTE_PAUSE_MS);
  });
  const stops = terminal ? handleStops(editor, input) : undefined;
  const interrupt = terminal ? handleInterrupts(input, () => editor.close()) : undefined;
  editor.once('close', () => {
    isOpen = false;
    clearTimeout(timer);
    stops?.close();
    interrupt?.close();
    flush();
  });
  return {
    isOpen: () => isOpen,
    close() {
      pending.length = 0;
      editor.close();
    },
  };
}

/**
 * In the raw mode of the editor Ctrl-C and Ctrl-\ are only keys. They must end the program, as without the editor. They are looked for in every piece of
 * input: the editor ignores what follows a Ctrl-D, and waits for the rest of an escape sequence.
 */
function handleInterrupts(input: NodeJS.ReadableStream, closeEditor: () => void): { close(): void } {
  const onData = (data: Buffer | string): void => {
    const [, signal] = SIGNALS_OF_KEYS.find(([key]) => String(data).includes(key)) ?? [];
    if (signal === undefined) return;
    closeEditor();
    process.kill(process.pid, signal);
  };
  input.prependListener('data', onData);
  return { close: () => void input.removeListener('data', onData) };
}

/** The streams to use for the option `paste`, `undefined` if pasting is off, or if nothing can be read. */
export function toPasteStreams(paste: boolean | PasteStreams | undefined): PasteStreams | undefined {
  const streams = typeof paste === 'object' ? paste : { input: process.stdin, output: process.stderr };
  if (!streams.input.readable) return undefined;
  return typeof paste === 'object' || (paste ?? isTerminal(process.stdin)) ? streams : undefined;
}

function isTerminal(stream: object): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}
