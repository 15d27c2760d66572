import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isObject, parseJson, setBounded } from '@oa/mechanisms';
import { fileVersion, readPrivate, removePrivate, userDirectory, writePrivate } from '@oa/private-file';
import { attempt, OAuthError, parseOAuthError } from '@oa/types';
import type { Session } from './session.ts';

/** After `invalid_client` the same client and secret are refused again, unless the server has just been corrected. */
const INVALID_CLIENT_PAUSE_MS = 5000;
/** A server must not lock its clients out for longer, by mistake or on purpose. */
const MAX_PAUSE_MS = 3_600_000;
const MAX_REMEMBERED_FAILURES = 1000;

/** Remembers failures until the time that the server asked for, so that its clients do not ask again before. */
export interface Failures {
  /** The failure that holds for the session now. Its `retryAfter` is the rest of the time. */
  find: (session: Session) => Promise<OAuthError | undefined>;
  /** Remembers `error`, if the server asked for a pause or refused the configured client. */
  add: (session: Session, error: OAuthError) => Promise<void>;
  forget: (session: Session) => Promise<void>;
}

interface RememberedFailure {
  error: OAuthError;
  /** Milliseconds since the epoch. */
  until: number;
}

/**
 * Keeps failures in memory and, for other processes, in one private file for each key. What can't be read or written is not remembered: the
 * caller then asks the server, and the token cache reports the problem.
 *
 * @param inMemory whether the program keeps its tokens elsewhere, so that nothing is written to the user's directories
 * @param now milliseconds since the epoch
 */
export async function createFailures(app: string | undefined, inMemory: boolean, now: () => number): Promise<Failures> {
  const memory = new Map<string, RememberedFailure>();
  const found = inMemory ? undefined : await attempt((async () => userDirectory('cache', app))());
  const directory = found?.ok ? join(found.value, 'failures') : undefined;

  function fileOf({ key }: Session): string | undefined {
    return directory && join(directory, `${createHash('sha256').update(key).digest('hex')}.json`);
  }

  async function readFile(session: Session): Promise<RememberedFailure | undefined> {
    const file = fileOf(session);
    if (file === undefined || fileVersion(file) === undefined) return undefined;
    const text = await attempt(readPrivate(file));
    return text.ok && text.value !== undefined ? parseFailureFile(text.value, session) : undefined;
  }

  function isDue({ until }: RememberedFailure): boolean {
    // A time far in the future was written before the clock was set back.
    return until > now() && until <= now() + MAX_PAUSE_MS;
  }

  return {
    async find(session) {
      const failure = memory.get(session.flight) ?? (await readFile(session));
      if (failure === undefined || !isDue(failure)) return undefined;
      const { error, until } = failure;
      return new OAuthError(error.code, error.message, {
        ...error.toJSON(),
        retryAfter: Math.ceil((until - now()) / 1000),
      });
    },
    async add(session, error) {
      const pause = pauseAfter(session, error);
      if (pause === undefined) return;
      const until = now() + pause;
      setBounded(memory, session.flight, { error, until }, MAX_REMEMBERED_FAILURES);
      const file = fileOf(session);
      if (file !== undefined)
        await attempt(writePrivate(file, failureFileText(session, { error, until }), { replaceRefused: true }));
    },
    async forget(session) {
      memory.delete(session.flight);
      const file = fileOf(session);
      if (file !== undefined && fileVersion(file) !== undefined) await attempt(removePrivate(file));
    },
  };
}

/** Milliseconds. */
function pauseAfter({ configuredClient }: Session, error: OAuthError): number | undefined {
  if (error.error === 'invalid_client') return configuredClient && INVALID_CLIENT_PAUSE_MS;
  if (error.retryAfter === undefined || error.retryAfter <= 0) return undefined;
  return Math.min(error.retryAfter * 1000, MAX_PAUSE_MS);
}

/** The proof tells whether another process has the same client and secret, and does not contain them. */
function failureFileText(session: Session, { error, until }: RememberedFailure): string {
  const salt = randomBytes(16).toString('hex');
  return JSON.stringify({ until, salt, proof: proofOf(session, salt), error });
}

function parseFailureFile(text: string, session: Session): RememberedFailure | undefined {
  const record = parseJson(text);
  if (!isObject(record)) return undefined;
  const { until, salt, proof } = record;
  const error = parseOAuthError(record['error']);
  if (typeof until !== 'number' || typeof salt !== 'string' || error === undefined) return undefined;
  return proof === proofOf(session, salt) ? { error, until } : undefined;
}

function proofOf({ flight }: Session, salt: string): string {
  return createHash('sha256').update(salt).update(flight).digest('hex');
}
