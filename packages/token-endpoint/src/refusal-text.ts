/** Only the beginning of a text is searched: a refusal is short. */
export const MAX_SEARCHED_CHARACTERS = 1000;
/** A sentence about a refresh token says what is wrong with it within this many words. */
const MAX_WORDS = 8;

/** A token or an identifier, if it has a digit. It counts as one word. */
const LONG_WORD_PATTERN = /[\w.~+/=-]{20,}/g;

const toWords = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** What is wrong with a refresh token. The words of other languages are those of servers that translate their errors. */
const STATES = /* @__PURE__ */ toWords(`
  invalid invalidated expired revoked reused reuse replayed unknown inactive consumed blacklisted blocklisted superseded
  redeemed evicted stale rotated replaced deleted bad incorrect wrong unrecognized unrecognised malformed nonexistent
  ungültig ungültiges ungültiger ungltig abgelaufen abgelaufenes abgelaufener widerrufen gesperrt unbekannt
  invalide expiré révoqué inconnu inválido invalido caducado expirado vencido revocado desconocido revogado
  scaduto revocato sconosciuto ongeldig verlopen ingetrokken
  过期 已过期 无效 已失效 失效 無効 期限切れ
`);
/** States that describe something else if one of {@link OTHER_NOUNS} follows: "unknown error". */
const ADJECTIVES = /* @__PURE__ */ toWords('invalid unknown bad incorrect wrong malformed stale');
const OTHER_NOUNS = /* @__PURE__ */ toWords(`
  argument arguments audience client configuration credentials endpoint error exception grant host issuer key problem
  reason redirect request resource response scope scopes secret signature state status type user
`);
/** With a negation they are states too: "not found". */
const GOOD_STATES = /* @__PURE__ */ toWords(
  'valid found active recognized recognised known exist exists match matches accepted gültig válido valido',
);
const SEARCHES = /* @__PURE__ */ toWords('valid active such find locate matching recognize recognise');
const NEGATIONS = /* @__PURE__ */ toWords('not no never non cannot t isnt wasnt hasnt doesnt didnt couldnt cant nicht');
/** Between a state and the refresh token that it describes. */
const FILLERS = /* @__PURE__ */ toWords(`
  the a an or and of this that your provided supplied given user oauth authorization authorisation grant code old previous
`);
/** Between a token and its state. */
const COPULAS = /* @__PURE__ */ toWords('is was has have been already either or and invalid');
/** After one of these, the sentence is about something else, or about what can be. */
const OTHER_SUBJECTS = /* @__PURE__ */ toWords(`
  access audience because but client database endpoint grant if key may might method must resource scope scopes server
  service should signature since type unless uri url whether will would
`);
/** Directly after "refresh token", they make it a part of another name. */
const NAME_PARTS = /* @__PURE__ */ toWords(
  'request requests flow rotation lifetime policy parameter param exchange feature',
);
/** Beside "refresh token", they make it the name of a grant. */
const GRANT_WORDS = /* @__PURE__ */ toWords('grant grants type types use using flow requests');
/** Directly before "refresh token", they make it the name of a grant: "grant_type=refresh_token is not valid for this client". */
const BEFORE_GRANTS = /* @__PURE__ */ toWords('grant type types');
/** "refresh" is a verb after them: "could not refresh token". */
const BEFORE_VERBS = /* @__PURE__ */ toWords('to not cannot can t couldnt cant please while');
/** A sentence with one of these is about load, doubt or clocks, not about the refresh token. */
const HEDGES = /* @__PURE__ */ toWords(`
  if whether yet many often frequently rate limit limited limits quota throttled throttling temporarily unavailable timeout
  overloaded
`);
/** A bare "token" in the answer to a refresh is the refresh token if it has one of these states. */
const TOKEN_STATES = /* @__PURE__ */ toWords('expired revoked reused reuse redeemed inactive blacklisted');
/** Before a bare "token". Another word can make it another token, such as an access token. */
const TOKEN_PREFIXES = /* @__PURE__ */ toWords(
  'the this that your provided supplied given a an or and oauth expired revoked invalid error grant',
);

/** Whether `text` says that the refresh token is invalid, expired, revoked, reused or unknown, in the words of real servers. */
export function namesRefusedRefreshToken(text: string): boolean {
  return sentencesIn(text).some((words) =>
    words.some((word, at) => {
      if (word === 'invalid' && words[at + 1] === 'grant') return words[at + 2] !== 'type';
      if (!isRefreshToken(words, at) || BEFORE_GRANTS.has(words[at - 1] ?? '')) return false;
      return isStateBefore(words, at) || isStateAfter(words, at);
    }),
  );
}

/** Whether `text` says that a token is expired, revoked or reused, without the name of the token: "Token has been expired or revoked". */
export function namesRefusedToken(text: string): boolean {
  return sentencesIn(text).some((words) =>
    words.some((word, at) => {
      if (word !== 'token' || !TOKEN_PREFIXES.has(words[at - 1] ?? 'the')) return false;
      const before = skip(words, at - 1, -1, FILLERS);
      const after = skip(words, at + 1, 1, COPULAS);
      const isNotActive = words[after] === 'not' && words[after + 1] === 'active';
      return (
        TOKEN_STATES.has(words[before] ?? '') ||
        TOKEN_STATES.has(words[after] ?? '') ||
        isNotActive ||
        isUsed(words, after)
      );
    }),
  );
}

/** Whether `text` names the refresh token itself, and not the grant of this name: "The refresh token was issued to another client". */
export function namesRefreshToken(text: string): boolean {
  return sentencesIn(text).some((words) =>
    words.some((_, at) => {
      const isGrant = GRANT_WORDS.has(words[at - 1] ?? '') || GRANT_WORDS.has(words[at + 1] ?? '');
      return isRefreshToken(words, at) && !isGrant;
    }),
  );
}

/** Splits a text into sentences, and each into lower-case words. "refresh token" is one word, however it is written. */
function sentencesIn(text: string): string[][] {
  return text
    .slice(0, MAX_SEARCHED_CHARACTERS)
    .replace(LONG_WORD_PATTERN, (word) => (/\d/.test(word) ? 'it' : word))
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[.!?;](?=\s|$)|[\r\n]/)
    .map(wordsIn)
    .filter((words) => !words.some((word) => HEDGES.has(word)));
}

function wordsIn(sentence: string): string[] {
  const words: string[] = [];
  for (const [word] of sentence.matchAll(
    /[\p{Script=Latin}\p{N}]+|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu,
  )) {
    const isSecondHalf = word === 'token' && words.at(-1) === 'refresh';
    if (isSecondHalf) words.pop();
    words.push(isSecondHalf ? 'refreshtoken' : word);
  }
  return words;
}

function isRefreshToken(words: readonly string[], at: number): boolean {
  return words[at] === 'refreshtoken' && !BEFORE_VERBS.has(words[at - 1] ?? '');
}

/** "invalid or expired refresh token", "reuse of the refresh token", "could not find the refresh token" */
function isStateBefore(words: readonly string[], at: number): boolean {
  const before = skip(words, at - 1, -1, FILLERS);
  const word = words[before] ?? '';
  if (STATES.has(word) || isUsed(words, before)) return true;
  const isNegated = words.slice(Math.max(0, before - 3), before).some((each) => NEGATIONS.has(each));
  return SEARCHES.has(word) && isNegated;
}

/** "refresh token has expired", "refresh token is no longer valid", "refresh token from the request was not found" */
function isStateAfter(words: readonly string[], at: number): boolean {
  let isNegated = words[at - 1] === 'no';
  if (NAME_PARTS.has(words[at + 1] ?? '')) return false;
  for (let next = at + 1; next <= at + MAX_WORDS; next += 1) {
    const word = words[next] ?? '';
    if (OTHER_SUBJECTS.has(word)) return false;
    if (NEGATIONS.has(word)) isNegated = true;
    if (GOOD_STATES.has(word)) return isNegated;
    if (isUsed(words, next)) return !isNegated;
    if (STATES.has(word)) return !isNegated && !(ADJECTIVES.has(word) && OTHER_NOUNS.has(words[next + 1] ?? ''));
  }
  return false;
}

/** "already used", "used twice". The "used" of "the refresh token that is used" says nothing. */
function isUsed(words: readonly string[], at: number): boolean {
  if (words[at] !== 'used') return false;
  return (
    /^(already|been|previously|was)$/.test(words[at - 1] ?? '') || /^(already|before|twice)$/.test(words[at + 1] ?? '')
  );
}

function skip(words: readonly string[], from: number, step: 1 | -1, skipped: ReadonlySet<string>): number {
  let at = from;
  while (skipped.has(words[at] ?? '')) at += step;
  return at;
}
