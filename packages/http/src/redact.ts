import { parsedJson } from './parse.ts';

/**
 * Parameters and client metadata that an error text may repeat. Everything else that was sent counts as a secret, so that an
 * extension's parameter is one until somebody says otherwise.
 */
const PUBLIC: ReadonlySet<string> = words(`
  grant_type client_id scope resource audience redirect_uri token_type_hint client_assertion_type
  requested_token_type subject_token_type actor_token_type response_type redirect_uris grant_types
  response_types token_endpoint_auth_method application_type client_name client_uri logo_uri tos_uri
  policy_uri jwks_uri contacts software_id software_version client_id_issued_at client_secret_expires_at
  registration_client_uri token_type issuer
`);
/** Headers that say nothing about who asks. */
const PUBLIC_HEADERS: ReadonlySet<string> = new Set(['accept', 'content-type']);
/** No error shows more. */
const MOST_SHOWN = 2000;
/** So long that it is in a secret by no accident. */
const PIECE = /[\w~+/%-](?:[\w.~+/%-]{10,}[\w~+/%-])/g;
/** What stands after the name of a secret is one, also if this process has never seen it: gateways quote what they were answered. */
const NAMED =
  /((?:access_token|refresh_token|id_token|client_secret|client_assertion|device_code|code_verifier|password) ?[:=] ?)[^\s,;&{}]{12,}/gi;

/** Every secret in a request's headers and in its form or JSON body. */
export function secretsSent(headers: Record<string, string>, body: string | undefined): string[] {
  const secrets: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (PUBLIC_HEADERS.has(name)) continue;
    const credentials = value.slice(value.indexOf(' ') + 1);
    secrets.push(value, credentials, ...basicParts(value));
  }
  if (body === undefined) return secrets;
  const json = parsedJson(body);
  if (json !== undefined) return [...secrets, ...secretsIn(json)];
  for (const [name, value] of new URLSearchParams(body)) if (!PUBLIC.has(name)) secrets.push(value);
  return secrets;
}

const RECEIVED = [
  'access_token',
  'refresh_token',
  'id_token',
  'client_secret',
  'registration_access_token',
  'device_code',
];

/** The secrets in an answer, which its own error text may repeat. */
export function secretsReceived(body: Record<string, unknown>): string[] {
  return RECEIVED.flatMap((name) => textsIn(body[name]));
}

/** Every text under a name that is not known as public. */
function secretsIn(json: unknown): string[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, value]) => (PUBLIC.has(name) ? [] : textsIn(value)));
}

/** What a terminal can print (RFC 6749 section 5.2), without the secrets in any of the spellings that a server may send back. */
export function redacted(text: string, secrets: readonly string[]): string {
  let clean = printable(text);
  const spellings = new Set(secrets.flatMap(spellingsOf));
  // The longest first, so that no rest of a longer one stays.
  for (const spelling of [...spellings].toSorted((a, b) => b.length - a.length)) clean = without(spelling, clean);
  return withoutPieces(clean.slice(0, MOST_SHOWN), [...spellings]).replace(NAMED, '$1***');
}

/** Servers cut a token before they quote it, and its beginning is enough to find it elsewhere. */
function withoutPieces(text: string, spellings: readonly string[]): string {
  const lower = spellings.map((spelling) => spelling.toLowerCase());
  return text.replace(PIECE, (piece) =>
    lower.some((spelling) => spelling.includes(piece.toLowerCase())) ? '***' : piece,
  );
}

function spellingsOf(secret: string): string[] {
  const form = new URLSearchParams({ '': secret }).toString().slice(1);
  const bytes = Array.from(new TextEncoder().encode(secret), (byte) => String.fromCharCode(byte));
  const base64 = btoa(bytes.join(''));
  const base64url = base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  const spellings = [secret, form, encodeURIComponent(secret.toWellFormed()), base64, base64url];
  return spellings.map(printable).filter((spelling) => spelling !== '');
}

/** Upper and lower case count as the same (`%2f` and `%2F`), which in printable text have the same length. */
function without(secret: string, text: string): string {
  const wanted = secret.toLowerCase();
  const lower = text.toLowerCase();
  let clean = '';
  let from = 0;
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, from)) {
    clean += `${text.slice(from, at)}***`;
    from = at + wanted.length;
  }
  return clean + text.slice(from);
}

/** The secret of an `Authorization: Basic`, as it stands there and form-decoded (RFC 6749 section 2.3.1). */
function basicParts(header: string): string[] {
  const encoded = /^Basic ((?:[a-z\d+/]{4})*[a-z\d+/]{2,4}={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return [];
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const credentials = new TextDecoder().decode(bytes);
  const secret = credentials.slice(credentials.indexOf(':') + 1);
  return [secret, ...new URLSearchParams(`=${secret}`).values()];
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.flatMap(textsIn) : secretsIn(value);
}

function printable(text: string): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '');
}

/** The words of a text as a set. */
export function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
