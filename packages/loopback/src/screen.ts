import type { Interface } from 'node:readline';
import type { OAuthEvent } from '@oa/types';
import type { LoginOptions } from './options.ts';
import {
  compareWrittenBytes,
  countEditedRows,
  countWrittenBytes,
  eraseFrom,
  toRows,
  type ScreenState,
} from './screen-rows.ts';
import { printEvent, toTerminalText, withHyperlink } from './terminal.ts';

/** Where a login shows its texts. */
export interface LoginScreen {
  /** Shows the text of an event. The end of the login takes the place of the texts before it. */
  print(event: OAuthEvent): void;
  /** Follows what an editor echoes on stderr, until it closes. */
  follow(editor: Interface, input: NodeJS.ReadableStream): void;
  close(): void;
}

/**
 * Creates the screen of a login. On a terminal it removes the URL and what belongs to it when the login has succeeded: what stayed would
 * ask the user to do something.
 *
 * Only rows of this login are removed. All stay if it is not certain which these are: other code of this process has written to the
 * terminal, the terminal was resized, the program was stopped, or the user typed characters whose width depends on the terminal.
 */
export function createLoginScreen(options: Pick<LoginOptions, 'print'>): LoginScreen {
  const { stderr } = process;
  if (options.print !== undefined || !stderr.isTTY || !canMoveCursor())
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

/** Windows sets no TERM. */
function canMoveCursor(): boolean {
  const { TERM = process.platform === 'win32' ? 'windows' : '' } = process.env;
  return !['', 'dumb', 'unknown'].includes(TERM);
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
