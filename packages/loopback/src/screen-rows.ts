import type { Interface } from 'node:readline';

/** What a login knows of its rows on the terminal. */
export interface ScreenState {
  /** The rows above the cursor that belong to the login. */
  rows: number;
  /** What this process had written to its terminal after the last write of the login. */
  writtenBytes: number;
  /** Whether nothing else was written since the first text, and the number of rows is right. */
  isSure: boolean;
  /** The editor that the user types into. */
  editor: Interface | undefined;
}

/** Erases the row of the cursor, those below, and `rows` above it. The cursor stops at the top of the screen. */
export function eraseFrom(rows: number): string {
  return `\r${rows === 0 ? '' : `\u001B[${rows}A`}\u001B[J`;
}

/** The rows of a line in the editor. After a full row it starts a new one for typed text, and none for pasted text. */
export function countEditedRows(state: ScreenState, line: string): number {
  const rows = toRows(state, line);
  if (rows > 0 && Number.isInteger(rows)) state.isSure = false;
  return Math.floor(rows) + 1;
}

/** The length of a line in rows of the terminal. */
export function toRows(state: ScreenState, line: string): number {
  const { columns } = process.stderr;
  if (/^[\x20-\x7E]*$/.test(line) && columns > 0) return line.length / columns;
  state.isSure = false;
  return 0;
}

/** Notes whether other code has written to the terminal. */
export function compareWrittenBytes(state: ScreenState): void {
  if (countWrittenBytes() !== state.writtenBytes) state.isSure = false;
}

/** What this process has written to its terminal, in bytes. */
export function countWrittenBytes(): number {
  const streams = [process.stderr, process.stdout].filter(({ isTTY }) => isTTY);
  return streams.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
}
