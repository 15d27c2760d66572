/** A refusal is short, and a page has its sentence near its beginning. */
const MAX_REFUSAL_CHARACTERS = 5000;
/** What identifies a client in a request. */
const CLIENT_PARTS =
  /\bclient (?:ids?|identifiers?|identification|secrets?|credentials?(?! (?:grant|flow))|authentication|assertion)\b/;
const MISSING_WORDS =
  /\b(?:miss(?:ing|es)|absent|empty|blank|undefined|null|none|expected|needs?|needed|lacks?|without|no client|(?<!not )(?:required|requires?|mandatory)|(?:not|never) (?:be(?:en)? )?(?:empty|provided|present|included?|specified|sent|set|supplied|given|received|contain(?:ed)?|have)|must (?:be )?(?:provided?|sent|set|given|included?|supplied|present))\b/;
/** With one of these, the server complains about the client that it has read. */
const OTHER_COMPLAINTS =
  /\b(?:unknown|invalid|wrong|incorrect|bad|expired|disabled|deleted|revoked|failed|malformed|unsupported|duplicated?|repeated|multiple|mismatch|match(?:es)?|denied|not (?:found|known|registered|allowed|authorized|permitted|exist)|unauthorized)\b/;
const METHOD_NAMES =
  /\b(?:(?:client )?auth(?:entication|orization)? (?:methods?|schemes?|header)|(?:http )?basic (?:auth|authentication)|client secret (?:basic|post))\b/;
const REFUSED_METHOD =
  /\b(?:unsupported|disallowed|forbidden|not (?:supported?|allowed?|permitted|accepted?|enabled|registered|match)|requested|mismatch|missing|required|must|instead|disabled)\b/;
/** The server knows this client, or knows that there is none, and no other method would change it. */
const KNOWN_CLIENT =
  /\b(?:(?:unknown|deleted|disabled|inactive|unregistered) (?:client|application)|(?:client|application)\b.{0,80}\b(?:not (?:be )?(?:found|known|registered|exist)|unknown|deleted|disabled|inactive))\b/;
const EXPIRED_SECRET = /\bsecrets?\b.{0,80}\bexpired\b|\bexpired (?:client )?secret\b/;

/**
 * Whether a text of a server says that the client is not named in the request, in any words: the server did not read the method that
 * was sent.
 */
export function saysClientIsMissing(text: string): boolean {
  return sentencesOf(text).some((sentence) => CLIENT_PARTS.test(sentence) && MISSING_WORDS.test(sentence));
}

/**
 * Whether a text of a server names a parameter of the client without a complaint about its value. That is how servers report a missing one in
 * words that are not listed here, such as those of other languages, of which errors keep the ASCII characters only.
 */
export function namesClientParameter(text: string): boolean {
  return sentencesOf(text).some(
    (sentence) => /\bclient (?:id|secret)\b/.test(sentence) && !OTHER_COMPLAINTS.test(sentence),
  );
}

/** Whether a text of a server says that it does not take this method of client authentication. */
export function saysMethodIsRefused(text: string): boolean {
  return sentencesOf(text).some((sentence) => METHOD_NAMES.test(sentence) && REFUSED_METHOD.test(sentence));
}

/** Whether a text of a server says that there is no such client, or that its secret has expired. Both were read then. */
export function saysClientIsKnown(text: string): boolean {
  return sentencesOf(text).some((sentence) => KNOWN_CLIENT.test(sentence) || EXPIRED_SECRET.test(sentence));
}

/** Splits a text into its sentences, in lower case and without the signs of JSON, HTML and names: `client_id` becomes `client id`. */
function sentencesOf(text: string): string[] {
  return text
    .slice(0, MAX_REFUSAL_CHARACTERS)
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/[.!?;](?=\s|$)|[\r\n]+/g, '\u0000')
    .replace(/n['’]t\b/g, ' not')
    .replace(/['’]/g, '')
    .replace(/[\s_\-"`:,()[\]{}<>/=+]+/g, ' ')
    .toLowerCase()
    .split('\u0000');
}
