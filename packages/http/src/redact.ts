import { toBase64, toBase64Url } from '@oa/mechanisms';
import { formEncode, toErrorText } from '@oa/types/rfc';
import { parseBoundedJson } from './parse.ts';

/**
 * The parameters and client metadata that an error text may repeat. Every other name counts as the name of a secret, so that the parameters
 * of an extension are secret by default.
 */
const PUBLIC_NAMES: ReadonlySet<string> = toWordSet(`
  grant_type client_id scope resource audience redirect_uri token_type_hint client_assertion_type
  requested_token_type subject_token_type actor_token_type response_type redirect_uris grant_types
  response_types token_endpoint_auth_method application_type client_name client_uri logo_uri tos_uri
  policy_uri jwks_uri contacts software_id software_version client_id_issued_at client_secret_expires_at
  registration_client_uri token_type issuer
`);
/** Headers without credentials. */
const PUBLIC_HEADERS: ReadonlySet<string> = new Set(['accept', 'content-type']);
const RECEIVED_SECRETS = [
  'access_token',
  'refresh_token',
  'id_token',
  'client_secret',
  'registration_access_token',
  'device_code',
];
/** No error shows a longer text. */
const MAX_REDACTED_CHARACTERS = 2000;
/** Text of 12 or more characters, which is too long to be in a secret by accident. */
const PIECE_PATTERN = /[\w~+/%-](?:[\w.~+/%-]{10,}[\w~+/%-])/g;
/** The text after the name of a secret is a secret, even if this process has never seen it: gateways quote the answers that they received. */
const NAMED_SECRET_PATTERN =
  /((?:access_token|refresh_token|id_token|client_secret|client_assertion|device_code|code_verifier|password) ?[:=] ?)[^\s,;&{}]{12,}/gi;

/** Returns every secret in the headers and in the form or JSON body of a request. */
export function secretsSent(headers: Record<string, string>, body: string | undefined): string[] {
  const secrets: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (PUBLIC_HEADERS.has(name)) continue;
    const credentials = value.slice(value.indexOf(' ') + 1);
    secrets.push(value, credentials, ...basicSecrets(value));
  }
  if (body === undefined) return secrets;
  const json = parseBoundedJson(body);
  if (json !== undefined) return [...secrets, ...secretsIn(json)];
  for (const [name, value] of new URLSearchParams(body)) if (!PUBLIC_NAMES.has(name)) secrets.push(value);
  return secrets;
}

/** Returns the secrets in an answer, which its own error text can repeat. */
export function secretsReceived(body: Record<string, unknown>): string[] {
  return RECEIVED_SECRETS.flatMap((name) => textsIn(body[name]));
}

/** Returns `text` as a terminal can print it (RFC 6749 section 5.2), without the secrets in any spelling that a server can send back. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = toErrorText(text);
  const spellings = new Set(secrets.flatMap(spellingsOf));
  // The longest first, so that no part of a longer spelling stays.
  for (const spelling of [...spellings].toSorted((a, b) => b.length - a.length))
    clean = redactSpelling(spelling, clean);
  return redactPieces(clean.slice(0, MAX_REDACTED_CHARACTERS), [...spellings]).replace(NAMED_SECRET_PATTERN, '$1***');
}

/** Splits a text into its set of words. */
export function toWordSet(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/** Servers cut a token before they quote it. The beginning of a token is enough to find it in a log. */
function redactPieces(text: string, spellings: readonly string[]): string {
  const lower = spellings.map((spelling) => spelling.toLowerCase());
  return text.replace(PIECE_PATTERN, (piece) =>
    lower.some((spelling) => spelling.includes(piece.toLowerCase())) ? '***' : piece,
  );
}

function spellingsOf(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const encoded = [formEncode(secret), encodeURIComponent(secret.toWellFormed()), toBase64(bytes), toBase64Url(bytes)];
  return [secret, ...encoded].map(toErrorText).filter((spelling) => spelling !== '');
}

/** Replaces a spelling without regard to case (`%2f` and `%2F`). In printable text, both cases have the same length. */
function redactSpelling(spelling: string, text: string): string {
  const wanted = spelling.toLowerCase();
  const lower = text.toLowerCase();
  let clean = '';
  let from = 0;
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, from)) {
    clean += `${text.slice(from, at)}***`;
    from = at + wanted.length;
  }
  return clean + text.slice(from);
}

/** Returns the secret of an `Authorization: Basic`, as sent and form-decoded (RFC 6749 section 2.3.1). */
function basicSecrets(header: string): string[] {
  const encoded = /^Basic ((?:[a-z\d+/]{4})*[a-z\d+/]{2,4}={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return [];
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const credentials = new TextDecoder().decode(bytes);
  const secret = credentials.slice(credentials.indexOf(':') + 1);
  return [secret, ...new URLSearchParams(`=${secret}`).values()];
}

/** Returns every text under a name that is not public. */
function secretsIn(json: unknown): string[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, value]) => (PUBLIC_NAMES.has(name) ? [] : textsIn(value)));
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.flatMap(textsIn) : secretsIn(value);
}
