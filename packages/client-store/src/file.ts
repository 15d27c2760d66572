import { isObject, parseJson } from '@oa/mechanisms';
import {
  quarantine,
  readPrivate,
  withLock,
  writePrivate,
  type FileLockOptions,
  type Reservation,
} from '@oa/private-file';
import { attempt, OAuthError } from '@oa/types';
import { MAX_CLIENT_BYTES } from './entry.ts';
import { splitMembers } from './json-members.ts';

/**
 * The content of the file: one object, issuer to client. The first implementation, in OCaml, wrote the same format. An entry is a text,
 * so that a write returns the entries of other programs and versions as they were.
 */
export interface Registrations {
  entries: Map<string, string>;
  /** Why entries may be missing: a part of the file is damaged. */
  damage: OAuthError | undefined;
}

/** The limit of `readPrivate`. */
const MAX_REGISTRATIONS_BYTES = 1024 * 1024;

/**
 * Runs `work` with the lock of the file held. What a killed process has written whole, and not yet renamed, is adopted first: it may hold
 * the only copy of a secret.
 */
export async function lockRegistrations<T>(
  path: string,
  work: () => Promise<T>,
  options: FileLockOptions<T> = {},
): Promise<T> {
  return withLock(path, work, { ...options, isWhole: (text) => isObject(parseJson(text)) });
}

/**
 * Reads the registrations in `path`. Of a damaged file it reads the lines that are intact.
 *
 * @throws {OAuthError} `insecure_file_permissions`, `storage_unavailable`
 */
export async function readRegistrations(path: string): Promise<Registrations> {
  const read = await attempt(readPrivate(path));
  if (!read.ok && read.error.code !== 'corrupt_file') throw read.error;
  if (!read.ok) {
    const text = await readPrivate(path, { lenient: true });
    return { entries: readIntactLines(text ?? ''), damage: read.error };
  }
  if (read.value === undefined) return { entries: new Map(), damage: undefined };
  if (isObject(parseJson(read.value))) return { entries: splitMembers(read.value), damage: undefined };
  return {
    entries: readIntactLines(read.value),
    damage: new OAuthError('corrupt_file', `${path} is not a JSON object. The next write of a client moves it aside.`),
  };
}

/**
 * The entries of a damaged file that are whole. Only lines as `writeRegistrations` writes them count: a server chooses texts inside an
 * entry, and must not pass one for the entry of another issuer. JSON has no line break in a text.
 */
function readIntactLines(text: string): Map<string, string> {
  const entries = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (!line.startsWith(LINE_START) || line.includes(NOT_UTF8)) continue;
    const object = `{${line.replace(/,$/, '')}}`;
    const members = isObject(parseJson(object)) ? [...splitMembers(object)] : [];
    const [entry] = members;
    if (members.length === 1 && entry !== undefined) entries.set(...entry);
  }
  return entries;
}

/**
 * Writes `registrations` with `entry` for `issuer`, or without an entry for `issuer`. Every other entry stays as it is, except where the
 * file would be too large: then the longest ones are left out, which are never the usual ones. A damaged file is moved aside before, so
 * that its content is not lost.
 *
 * @throws {OAuthError} `storage_unavailable` also if the entry is too large; `insecure_file_permissions`
 */
export async function writeRegistrations(
  path: string,
  { entries, damage }: Registrations,
  change: { issuer: string; entry: string | undefined },
  room?: Reservation,
): Promise<void> {
  const { issuer, entry } = change;
  if (entry !== undefined) assertEntrySize(issuer, entry);
  const line = entry === undefined ? [] : [toLine(issuer, entry)];
  const others = [...entries].flatMap(([name, value]) => (name === issuer ? [] : toLine(name, value)));
  const maxBytes = MAX_REGISTRATIONS_BYTES - byteLengthOf(line) - Buffer.byteLength('{\n\n}\n');
  const text = `{\n${[...dropLongest(others, maxBytes), ...line].join(LINE_END)}\n}\n`;
  if (damage !== undefined) await quarantine(path);
  await (room === undefined ? writePrivate(path, text) : room.write(text));
}

/** What `readPrivate` writes for bytes that are not UTF-8. */
const NOT_UTF8 = '\uFFFD';
const LINE_START = '  "';
const LINE_END = ',\n';

/** One line for each issuer: with indentation, nested arrays would be written with the square of their size. */
function toLine(issuer: string, entry: string): string {
  return `  ${JSON.stringify(issuer)}: ${entry}`;
}

function assertEntrySize(issuer: string, entry: string): void {
  if (Buffer.byteLength(entry) <= MAX_CLIENT_BYTES) return;
  throw new OAuthError(
    'storage_unavailable',
    `The client that ${JSON.stringify(issuer)} registered has more than ${MAX_CLIENT_BYTES} bytes, so it is not stored. ` +
      'Report it to the server operator.',
  );
}

function dropLongest(lines: readonly string[], maxBytes: number): string[] {
  const kept = new Set(lines);
  let bytes = byteLengthOf(lines);
  for (const line of lines.toSorted((a, b) => b.length - a.length)) {
    if (bytes <= maxBytes) break;
    kept.delete(line);
    bytes -= byteLengthOf([line]);
  }
  return [...kept];
}

function byteLengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + LINE_END.length, 0);
}
