import { join } from 'node:path';
import { isClientRefused } from '@oa/client-authentication/refusal';
import { isObject, parseJson, setBounded, sha256Hex } from '@oa/mechanisms';
import { fileVersion, readPrivate, removePrivate, writePrivate } from '@oa/private-file';
import { attempt, OAuthError, parseOAuthError, type Token } from '@oa/types';
import { MAX_JUST_ISSUED_MS } from './freshness.ts';
import type { Session } from './session.ts';

/** A client that was refused, in whatever words, is refused again, unless the server has just been corrected. */
const REFUSED_CLIENT_PAUSE_MS = 5000;
/** A server must not lock its clients out for longer, by mistake or on purpose. */
const MAX_PAUSE_MS = 3_600_000;
const MAX_REMEMBERED_FAILURES = 1000;

/** Remembers failures until the time that the server asked for, so that its clients do not ask again before. */
export interface Failures {
  /** The failure that holds for the session now, or for one of its tokens. Its `retryAfter` is the rest of the time. */
  find: (session: Session, token?: Token) => Promise<OAuthError | undefined>;
  /** Remembers `error`, if the server asked for a pause, or refused the configured client, or the token, or can't meet a demand. */
  add: (session: Session, error: OAuthError, token?: Token) => Promise<void>;
  forget: (session: Session) => Promise<void>;
  /** Forgets the demands of resource servers that the server could not meet. */
  forgetDemands: (session: Session) => void;
}

interface RememberedFailure {
  error: OAuthError;
  /** Milliseconds since the epoch. Infinite for what holds until the process ends: it is not written to the file. */
  until: number;
}

/**
 * Keeps failures in memory and, for other processes, in one private file for each key. What can't be read or written is not remembered: the
 * caller then asks the server, and the token cache reports the problem.
 *
 * @param parent the directory in which the folder of the files is. Without it they are in memory only.
 * @param now milliseconds since the epoch
 */
export function createFailures(parent: string | undefined, now: () => number): Failures {
  const memory = new Map<string, RememberedFailure>();
  const directory = parent && join(parent, 'failures');

  function fileOf({ key }: Session): string | undefined {
    return directory && join(directory, `${sha256Hex(key)}.json`);
  }

  async function readFile(session: Session, subject: string): Promise<RememberedFailure | undefined> {
    const file = fileOf(session);
    if (file === undefined || fileVersion(file) === undefined) return undefined;
    const text = await attempt(readPrivate(file));
    return text.ok && text.value !== undefined ? parseFailureFile(text.value, subject) : undefined;
  }

  function isDue({ until }: RememberedFailure): boolean {
    // A time far in the future was written before the clock was set back.
    return until === Number.POSITIVE_INFINITY || (until > now() && until <= now() + MAX_PAUSE_MS);
  }

  return {
    async find(session, token) {
      const subject = subjectOf(session, token);
      const failure = memory.get(subject) ?? (await readFile(session, subject));
      if (failure === undefined || !isDue(failure)) return undefined;
      const { error, until } = failure;
      if (until === Number.POSITIVE_INFINITY) return error;
      return new OAuthError(error.code, error.message, {
        ...error.toJSON(),
        retryAfter: Math.ceil((until - now()) / 1000),
      });
    },
    async add(session, error, token) {
      const pause = pauseAfter(session, error, token);
      if (pause === undefined) return;
      const until = now() + pause;
      const subject = subjectOf(session, token);
      setBounded(memory, subject, { error, until }, MAX_REMEMBERED_FAILURES);
      const file = Number.isFinite(until) ? fileOf(session) : undefined;
      if (file !== undefined)
        await attempt(writePrivate(file, failureFileText(subject, { error, until }), { replaceRefused: true }));
    },
    async forget(session) {
      memory.delete(subjectOf(session, undefined));
      const file = fileOf(session);
      if (file !== undefined && fileVersion(file) !== undefined) await attempt(removePrivate(file));
    },
    forgetDemands({ flight }) {
      const start = subjectStartOf(flight);
      for (const [subject, { until }] of memory)
        if (until === Number.POSITIVE_INFINITY && subject.startsWith(start)) memory.delete(subject);
    },
  };
}

/** Whether the server can't log the user in as a resource server has asked for. */
export function isDemandUnmet({ error }: OAuthError): boolean {
  return error === 'unmet_authentication_requirements';
}

/** Milliseconds. */
function pauseAfter(
  { configuredClient, needsUser }: Session,
  error: OAuthError,
  token: Token | undefined,
): number | undefined {
  if (error.code === 'token_rejected') return MAX_JUST_ISSUED_MS;
  // Without a token it is a failure of the session, whose other logins may succeed.
  if (token !== undefined && isDemandUnmet(error)) return Number.POSITIVE_INFINITY;
  const isJob = !needsUser;
  if (isClientRefused(error, isJob) || (isJob && error.error === 'unauthorized_client'))
    return configuredClient && REFUSED_CLIENT_PAUSE_MS;
  if (error.retryAfter === undefined || error.retryAfter <= 0) return undefined;
  return Math.min(error.retryAfter * 1000, MAX_PAUSE_MS);
}

/** What a failure holds for. */
function subjectOf({ flight }: Session, token: Token | undefined): string {
  return token === undefined ? flight : `${subjectStartOf(flight)}${JSON.stringify(token.access_token)}]`;
}

function subjectStartOf(flight: string): string {
  return `[${JSON.stringify(flight)},`;
}

/** The proof tells whether another process has the same client, secret and token, and does not contain them. */
function failureFileText(subject: string, { error, until }: RememberedFailure): string {
  const salt = process.getBuiltinModule('node:crypto').randomBytes(16).toString('hex');
  return JSON.stringify({ until, salt, proof: proofOf(subject, salt), error });
}

function parseFailureFile(text: string, subject: string): RememberedFailure | undefined {
  const record = parseJson(text);
  if (!isObject(record)) return undefined;
  const { until, salt, proof } = record;
  const error = parseOAuthError(record['error']);
  if (typeof until !== 'number' || typeof salt !== 'string' || error === undefined) return undefined;
  return proof === proofOf(subject, salt) ? { error, until } : undefined;
}

function proofOf(subject: string, salt: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(salt).update(subject).digest('hex');
}
