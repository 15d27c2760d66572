import { setBounded } from '@oa/mechanisms';

/** A process that talks to more origins than this forgets the oldest, and learns its nonce again. */
const MAX_REMEMBERED_ORIGINS = 200;
/** A nonce of a server is some ten characters. A longer one would not fit into the headers of a request. */
const MAX_NONCE_CHARACTERS = 2000;
/** RFC 9449 section 8.1. Two nonces, which that section forbids, are joined with a space. */
const NONCE_PATTERN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
/** Clocks differ by some seconds, and servers allow for that (RFC 9449 section 11.1). */
const MAX_CLOCK_DIFFERENCE_SECONDS = 30;

/** What a server has said about the proofs that it accepts. */
export interface OriginMemory {
  /** The newest nonce. */
  nonce?: string | undefined;
  /** The seconds by which the clock of the server is ahead of this one. 0 for a small difference. */
  ahead: number;
}

/** The answer to a request with a proof, such as a `Response`. */
export interface ProofAnswer {
  /** The HTTP status. */
  readonly status?: number | undefined;
  readonly headers: Headers;
}

/** The members of a proof that a server may refuse for. */
export interface DatedClaims {
  iat: number;
  nonce?: string | undefined;
}

/** The memory of this process, for each clock that callers use: a difference between clocks is of use for the same clock only. */
const memoriesByClock = new WeakMap<() => number, Map<string, OriginMemory>>();

/** Returns what the server at `origin` has said, so that a proof for it needs no refusal. */
export function recallOrigin(origin: string, now: () => number): OriginMemory {
  return memoryOf(now).get(origin) ?? { ahead: 0 };
}

/**
 * Remembers the nonce of an answer, and its clock if that differs by more than 30 seconds from the clock that the proof had.
 *
 * @param claims those of the proof in the request
 * @returns whether a proof would now have another nonce, or an `iat` that differs by more than 30 seconds
 */
export function rememberAnswer(origin: string, claims: DatedClaims, answer: ProofAnswer, now: () => number): boolean {
  const known = recallOrigin(origin, now);
  const nonce = readNonce(answer.headers) ?? known.nonce;
  const ahead = known.ahead + clockError(answer, claims.iat, now() / 1000 + known.ahead);
  setBounded(memoryOf(now), origin, { nonce, ahead }, MAX_REMEMBERED_ORIGINS);
  return nonce !== claims.nonce || Math.abs(now() / 1000 + ahead - claims.iat) > MAX_CLOCK_DIFFERENCE_SECONDS;
}

function memoryOf(now: () => number): Map<string, OriginMemory> {
  const memory = memoriesByClock.get(now) ?? new Map<string, OriginMemory>();
  memoriesByClock.set(now, memory);
  return memory;
}

function readNonce(headers: Headers): string | undefined {
  const nonce = headers.get('dpop-nonce') ?? '';
  return nonce.length <= MAX_NONCE_CHARACTERS && NONCE_PATTERN.test(nonce) ? nonce : undefined;
}

/**
 * Returns the seconds to add to `time`, which is what this process believes to be the time of the server.
 *
 * The server wrote its `Date` between the request and the answer, however long both took. So it is wrong only if it is later than the answer
 * or earlier than the request. A success can come from a cache, with an old date, and does not ask for another time.
 */
function clockError({ status = 0, headers }: ProofAnswer, iat: number, time: number): number {
  // An answer with `Age` is of a cache too (RFC 9111 section 5.1).
  const isIgnored = (status >= 200 && status <= 299) || headers.has('age');
  const date = isIgnored ? Number.NaN : Date.parse(headers.get('date') ?? '') / 1000;
  if (date - time > MAX_CLOCK_DIFFERENCE_SECONDS) return date - time;
  // Another answer may have corrected the clock since the proof was made.
  const earlier = Math.min(iat, time);
  return earlier - date > MAX_CLOCK_DIFFERENCE_SECONDS ? date - earlier : 0;
}
