import { isObject, parseJson } from '@oa/mechanisms';

/** No OAuth document is nested deeper. Deeper nesting overflows the stack of code that walks through the value or serialises it. */
const MAX_NESTED_LEVELS = 64;
/** No form that answers a request has more members. */
const MAX_FORM_MEMBERS = 200;

/** A form with one of these members is the answer of an OAuth endpoint. */
const FORM_ANSWER_NAMES = ['access_token', 'device_code', 'error'];
/** A name, plain, encoded or with brackets, and no sentence, page, script or JSON. */
const FORM_START_PATTERN = /^[^\s=&<>{}()"';]{1,100}=/;

/** Parses JSON, also behind byte order marks. Returns `undefined` for other text, and for JSON that is nested too deeply. */
export function parseBoundedJson(text: string): unknown {
  const json = parseJson(text.replace(/^\uFEFF+/, ''));
  return isDeeperThan(json, MAX_NESTED_LEVELS) ? undefined : json;
}

/**
 * Parses the body of an answer: JSON, or a form with a token, a device code or an error in it, whatever its label. GitHub answers with
 * a form if it does not see the header `accept`, and others always do.
 */
export function parseBody(text: string): unknown {
  const json = parseBoundedJson(text);
  return json === undefined ? parseAnsweredForm(text) : json;
}

/** Whether `json` has an access token, and no credential in it is damaged. */
export function isTokenAnswer(json: unknown): boolean {
  if (!isObject(json) || typeof json['access_token'] !== 'string') return false;
  return ['access_token', 'refresh_token', 'id_token'].every((name) => !isDamaged(json[name]));
}

/** TextDecoder writes U+FFFD for bytes that are not UTF-8 (RFC 8259 section 8.1). A token with one would be another token. */
function isDamaged(credential: unknown): boolean {
  return typeof credential === 'string' && credential.includes('\uFFFD');
}

function parseAnsweredForm(text: string): Record<string, string> | undefined {
  // Scripts that print a form put a line break at its end.
  const content = text.trim();
  if (!FORM_START_PATTERN.test(content)) return undefined;
  // Part by part, each with an equals sign: Node.js takes quadratic time for many parts without one.
  const parts = content.split('&', MAX_FORM_MEMBERS).map((part) => (part.includes('=') ? part : `${part}=`));
  const form = Object.fromEntries(new URLSearchParams(parts.join('&')));
  return FORM_ANSWER_NAMES.some((name) => Object.hasOwn(form, name)) ? form : undefined;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
