import type { Interface } from 'node:readline';
import type { OAuthEvent } from '@oa/types';
import type { LoginOptions } from './options.ts';
import { printEvent, toTerminalText, withHyperlink } from './terminal.ts';

/** Where a login shows its texts. */
export interface LoginScreen {
  /** Shows the text of an event. The end of the login takes the place of the texts before it. */
  print(event: OAuthEvent): void;
  /** Follows what an editor echoes on stderr, until it closes. */
  follow(editor: Interface, input: NodeJS.ReadableStream): void;
  close(): void;
}

interface ScreenState {
  /** The rows above the cursor that belong to the login. */
  rows: number;
  /** What this process had written to its terminal after the last write of the login. */
  writtenBytes: number;
  /** Whether nothing else was written since the first text, and the number of rows is right. */
  isSure: boolean;
  /** The editor that the user types into. */
  editor: Interface | undefined;
}

/**
 * Creates the screen of a login. On a terminal it removes the URL and what belongs to it when the login has succeeded: what stayed would
 * ask the user to do something.
 *
 * Only rows of this login are removed. All stay if it is not certain which these are: other code of this process has written to the
 * terminal, the terminal was resized, the program was stopped, or the user typed characters whose width depends on the terminal.
 */
export function createLoginScreen(options: Pick<LoginOptions, 'print'>): LoginScreen {
  const { stderr, env } = process;
  if (options.print !== undefined || !stderr.isTTY || env['TERM'] === 'dumb')
    return { print: (event) => printEvent(event, options), follow: () => undefined, close: () => undefined };
  const state: ScreenState = { rows: 0, writtenBytes: 0, isSure: true, editor: undefined };
  const doubt = (): void => void (state.isSure = false);
  stderr.on('resize', doubt);
  process.on('SIGCONT', doubt);
  return {
    print: (event) => showEvent(state, event),
    follow: (editor, input) => followEditor(state, editor, input),
    close() {
      stderr.off('resize', doubt);
      process.off('SIGCONT', doubt);
    },
  };
}

function showEvent(state: ScreenState, event: OAuthEvent): void {
  const text = toTerminalText(event);
  if (text === undefined) return;
  // Nothing of the login is on the screen yet.
  const isFirst = state.rows === 0;
  if (isFirst) Object.assign(state, { isSure: true, writtenBytes: countWrittenBytes() });
  compareWrittenBytes(state);
  const showTypedText = isFirst || !state.isSure ? beginRow() : hideTypedText(state);
  if (event.type === 'code_exchanged') removeRows(state);
  const before = countWrittenBytes();
  const shown = withHyperlink(text, event);
  process.stderr.write(shown);
  // The program may have replaced the function, and hidden the text.
  if (countWrittenBytes() !== before + Buffer.byteLength(shown)) state.isSure = false;
  for (const line of text.split('\n').slice(0, -1)) state.rows += Math.max(1, Math.ceil(toRows(state, line)));
  showTypedText();
  state.writtenBytes = countWrittenBytes();
}

/**
 * Begins a new row if other code has left the cursor within one: these spaces then reach into the next row, otherwise they do not leave the
 * row of the cursor.
 */
function beginRow(): () => void {
  const { columns } = process.stderr;
  if (columns > 0) process.stderr.write(`${' '.repeat(columns - 1)}\r\u001B[K`);
  return () => undefined;
}

/** Removes what the user is typing. The returned function shows it again, below what was printed in between. */
function hideTypedText(state: ScreenState): () => void {
  const { editor } = state;
  if (editor === undefined || editor.line === '') return () => undefined;
  countEditedRows(state, editor.line);
  const { isSure } = state;
  process.stderr.write(isSure ? eraseFrom(editor.getCursorPos().rows) : '\n');
  return () => {
    if (!isSure) return;
    // The editor goes up by the rows that it has noted. After a paste it has noted none.
    const noted = 'prevRows' in editor && typeof editor.prevRows === 'number' ? editor.prevRows : 0;
    process.stderr.write('\n'.repeat(noted));
    editor.prompt(true);
  };
}

function removeRows(state: ScreenState): void {
  if (state.isSure && state.rows > 0) process.stderr.write(eraseFrom(state.rows));
  state.rows = 0;
}

/** Erases the row of the cursor, those below, and `rows` above it. The cursor stops at the top of the screen. */
function eraseFrom(rows: number): string {
  return `\r${rows === 0 ? '' : `\u001B[${rows}A`}\u001B[J`;
}

function followEditor(state: ScreenState, editor: Interface, input: NodeJS.ReadableStream): void {
  const beforeEcho = (): void => compareWrittenBytes(state);
  const afterEcho = (): void => void (state.writtenBytes = countWrittenBytes());
  state.editor = editor;
  // The editor echoes while it reads.
  input.prependListener('data', beforeEcho);
  input.on('data', afterEcho);
  editor.on('line', (line) => void (state.rows += countEditedRows(state, line)));
  editor.once('close', () => {
    state.editor = undefined;
    input.off('data', beforeEcho);
    input.off('data', afterEcho);
    if (editor.line === '') return;
    // What is printed next starts in a row of its own.
    compareWrittenBytes(state);
    const rows = countEditedRows(state, editor.line);
    process.stderr.write('\n'.repeat(Math.max(1, rows - editor.getCursorPos().rows)));
    state.rows += rows;
    afterEcho();
  });
}

/** The rows of a line in the editor. After a full row it starts a new one for typed text, and none for pasted text. */
function countEditedRows(state: ScreenState, line: string): number {
  const rows = toRows(state, line);
  if (rows > 0 && Number.isInteger(rows)) state.isSure = false;
  return Math.floor(rows) + 1;
}

/** The length of a line in rows of the terminal. */
function toRows(state: ScreenState, line: string): number {
  const { columns } = process.stderr;
  if (/^[\x20-\x7E]*$/.test(line) && columns > 0) return line.length / columns;
  state.isSure = false;
  return 0;
}

function compareWrittenBytes(state: ScreenState): void {
  if (countWrittenBytes() !== state.writtenBytes) state.isSure = false;
}

function countWrittenBytes(): number {
  const streams = [process.stderr, process.stdout].filter(({ isTTY }) => isTTY);
  return streams.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
}
