import { isObject, parseJson } from '@oa/mechanisms';
import { quarantine, readPrivate, writePrivate, type Reservation } from '@oa/private-file';
import { isOAuthError, OAuthError, type Client } from '@oa/types';

/** One object, issuer to client. The first implementation, in OCaml, wrote the same format. */
export type Registrations = Map<string, unknown>;

/** A server decides how large its registration is. The usual ones have less than 1 KiB. */
const MAX_CLIENT_BYTES = 16 * 1024;
/** The limit of `readPrivate`. */
const MAX_REGISTRATIONS_BYTES = 1024 * 1024;

/**
 * Reads the registrations in `path`, with every member that other programs or versions have added.
 *
 * @throws {OAuthError} `corrupt_file`, `insecure_file_permissions`, `storage_unavailable`
 */
export async function readRegistrations(path: string): Promise<Registrations> {
  const text = await readPrivate(path);
  if (text === undefined) return new Map();
  const content = parseJson(text);
  if (!isObject(content))
    throw new OAuthError('corrupt_file', `${path} is not a JSON object. The next write of a client moves it aside.`);
  return new Map(Object.entries(content));
}

/** Reads the registrations before a write. A damaged file is moved aside, so that its content is not lost. */
export async function readForUpdate(path: string): Promise<Registrations> {
  try {
    return await readRegistrations(path);
  } catch (error) {
    if (!isOAuthError(error) || error.code !== 'corrupt_file') throw error;
    await quarantine(path);
    return new Map();
  }
}

/**
 * Writes `registrations` with `client` for `issuer`, or without an entry for `issuer`. Every other entry stays as it is, except where the
 * file would be too large: then the longest ones are left out, which are never the usual ones.
 *
 * @throws {OAuthError} `storage_unavailable` also if the client is too large; `insecure_file_permissions`
 */
export async function writeRegistrations(
  registrations: Registrations,
  issuer: string,
  client: Client | undefined,
  target: string | Reservation,
): Promise<void> {
  const line = client === undefined ? [] : [toClientLine(issuer, client)];
  const others = [...registrations].flatMap(([name, value]) => (name === issuer ? [] : (toLine(name, value) ?? [])));
  const room = MAX_REGISTRATIONS_BYTES - byteLengthOf(line) - Buffer.byteLength('{\n\n}\n');
  const text = `{\n${[...dropLongest(others, room), ...line].join(LINE_END)}\n}\n`;
  await (typeof target === 'string' ? writePrivate(target, text) : target.write(text));
}

const LINE_END = ',\n';

/** One line for each issuer: with indentation, nested arrays would be written with the square of their size. */
function toLine(issuer: string, value: unknown): string | undefined {
  try {
    return `  ${JSON.stringify(issuer)}: ${JSON.stringify(value)}`;
  } catch {
    // The value is nested so deeply that the stack overflows. It can be parsed, but it can't be a client.
    return undefined;
  }
}

function toClientLine(issuer: string, client: Client): string {
  const line = toLine(issuer, client);
  if (line !== undefined && Buffer.byteLength(line) <= MAX_CLIENT_BYTES) return line;
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
