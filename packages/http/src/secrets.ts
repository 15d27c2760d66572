import { isObject } from '@oa/mechanisms';
import { parseBoundedJson } from './parse.ts';
import { attemptsFor, type HttpResponse, type SentRequest } from './request.ts';

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
const RECEIVED_SECRET_NAMES = [
  'access_token',
  'refresh_token',
  'id_token',
  'client_secret',
  'registration_access_token',
  'device_code',
];
/** A shorter text is a word such as `none` or `true`. */
const MIN_RECEIVED_CHARACTERS = 8;
/** A server decides how many secrets its answer has, and the search for each takes time. No error of a real server has more. */
const MAX_RECEIVED_SECRETS = 24;
/** The length of all received secrets together. */
const MAX_RECEIVED_CHARACTERS = 16_384;

/** Returns the secrets in the request of `response`, in all its attempts. No error text may repeat them. */
export function secretsSentFor(response: HttpResponse): string[] {
  return attemptsFor(response).flatMap(secretsSent);
}

/** Returns the secrets in the headers and in the form or JSON body of a request. */
function secretsSent({ headers, body }: SentRequest): string[] {
  const secrets: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (PUBLIC_HEADERS.has(name)) continue;
    const credentials = value.slice(value.indexOf(' ') + 1);
    secrets.push(value, credentials, ...basicSecrets(value));
  }
  if (body === undefined) return secrets;
  const json = parseBoundedJson(body);
  if (json !== undefined) return [...secrets, ...textsIn(json)];
  for (const [name, value] of new URLSearchParams(body)) if (!PUBLIC_NAMES.has(name)) secrets.push(value);
  return secrets;
}

/** Returns the secrets in an answer, which its own error text can repeat. Their number and length are limited. */
export function secretsReceived(body: Record<string, unknown>): string[] {
  const secrets: string[] = [];
  let room = MAX_RECEIVED_CHARACTERS;
  for (const text of textsIn(RECEIVED_SECRET_NAMES.map((name) => body[name]))) {
    if (text.length < MIN_RECEIVED_CHARACTERS) continue;
    if (secrets.length === MAX_RECEIVED_SECRETS || room === 0) break;
    const secret = text.slice(0, room);
    secrets.push(secret);
    room -= secret.length;
  }
  return secrets;
}

/** Splits a text into its set of words. */
export function toWordSet(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
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

/** Yields the texts in a JSON value, without those under a public name. A caller that has enough of them can stop. */
function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const item of value) yield* textsIn(item);
  else if (isObject(value))
    for (const [name, member] of Object.entries(value)) if (!PUBLIC_NAMES.has(name)) yield* textsIn(member);
}
