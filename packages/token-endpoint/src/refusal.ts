import { isClientRefused } from '@oa/client-authentication/refusal';
import { readError, type HttpResponse } from '@oa/http';
import { isObject, parseJson } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';
import {
  MAX_SEARCHED_CHARACTERS,
  namesRefreshToken,
  namesRefusedRefreshToken,
  namesRefusedToken,
} from './refusal-text.ts';

/** The refresh token is of no use any more, or only a user can help (OpenID Connect Core section 3.1.2.6). */
const DEFINITE_CODES: ReadonlySet<string> = new Set([
  'invalid_grant',
  // GitHub.
  'bad_refresh_token',
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required',
]);
/** These are about the request, not about the refresh token. */
const OTHER_CODES: ReadonlySet<string> = new Set([
  'use_dpop_nonce',
  'invalid_dpop_proof',
  'slow_down',
  'authorization_pending',
  'temporarily_unavailable',
]);
/** Statuses with which servers refuse a refresh token without an error code. */
const REFUSAL_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 422]);
/** Statuses of an endpoint that has moved. */
const MOVED_STATUSES: ReadonlySet<number> = new Set([404, 405, 410]);
/** Statuses that mean "later". A text beside them says nothing of the refresh token. */
const LATER_STATUSES: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/**
 * Grades an error of {@link refreshToken} as a refusal of the refresh token.
 *
 * - `definite`: the refresh token is invalid, expired, revoked, used or unknown, or the server wants to see the user. Only a new login
 *   helps.
 * - `probable`: everything else that looks like a refusal, such as `invalid_request` or an empty 400. Keep the refresh token until a new
 *   login has succeeded: the server may accept it tomorrow.
 * - `undefined`: no refusal of the refresh token, such as a network failure, 5xx, 429, a `Retry-After`, or a client that the server does
 *   not know.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthError
 */
export function refreshRefusal(error: OAuthError): 'definite' | 'probable' | undefined {
  if (error.code !== 'oauth_error' || error.retryable) return undefined;
  const { error: code = '', error_description: description = '' } = error;
  if (DEFINITE_CODES.has(code)) return 'definite';
  if (isClientRefused(error, false))
    return namesRefusedRefreshToken(description) && !/client/i.test(description) ? 'definite' : undefined;
  if (code === 'unauthorized_client' && namesRefreshToken(description)) return 'definite';
  const texts = [code, description];
  if (texts.some((text) => namesRefusedRefreshToken(text) || namesRefusedToken(text))) return 'definite';
  const isLater = error.retryAfter !== undefined || OTHER_CODES.has(code);
  return isLater || MOVED_STATUSES.has(error.status ?? 0) ? undefined : 'probable';
}

/**
 * Throws an error that {@link refreshRefusal} recognises, if `response` refuses the refresh token in a form of its own: without an error
 * code, in another member, or with a status that means something else.
 *
 * @param isPublic whether the client has nothing to authenticate with. A bare 401 is then about the refresh token.
 * @throws {OAuthError} `oauth_error`
 */
export async function assertRefreshNotRefused(response: HttpResponse, isPublic: boolean): Promise<void> {
  const { status, text } = response;
  const error = await readError(response);
  const json = parseJson(text);
  if (error === undefined && (!isObject(json) || 'access_token' in json)) return;
  const isText = !isPage(response, json);
  if (isDefinite(response, error, isText ? searchedTexts(json ?? text) : [])) throw toDefiniteRefusal(status, error);
  if (error?.code !== 'http_error' || !isText || !REFUSAL_STATUSES.has(status)) return;
  if (error.retryAfter !== undefined || (status === 401 && text.trim() === '' && !isPublic)) return;
  throw new OAuthError('oauth_error', refusalMessage(status, error), { ...error.toJSON(), retryable: false });
}

function isDefinite({ status }: HttpResponse, error: OAuthError | undefined, texts: readonly string[]): boolean {
  if (error !== undefined && DEFINITE_CODES.has(error.error ?? '')) return true;
  if (texts.some((text) => DEFINITE_CODES.has(text.trim().toLowerCase()))) return true;
  if (LATER_STATUSES.has(status) || error?.error === 'temporarily_unavailable') return false;
  const isNamed = texts.some(namesRefusedRefreshToken) || (error !== undefined && refreshRefusal(error) === 'definite');
  if (error !== undefined && isClientRefused(error, false))
    return isNamed && !texts.some((text) => /client/i.test(text));
  return isNamed || (status < 500 && texts.some(namesRefusedToken));
}

/** Keeps the code and the text of the server, if they say enough. */
function toDefiniteRefusal(status: number, error: OAuthError | undefined): OAuthError {
  const { error: code, error_description, error_uri } = error ?? {};
  const message = error?.code === 'oauth_error' ? error.message : refusalMessage(status, error);
  const details = { error: code, error_description, error_uri, status };
  const refusal = new OAuthError('oauth_error', message, details);
  return refreshRefusal(refusal) === 'definite'
    ? refusal
    : new OAuthError('oauth_error', message, { ...details, error: 'invalid_grant' });
}

function refusalMessage(status: number, error: OAuthError | undefined): string {
  const said = error?.error_description?.slice(0, 200);
  const quote = said === undefined ? '' : ` The server says: "${said}".`;
  return `The server refused the refresh token with status ${status} and without an error code.${quote} Log in again.`;
}

/** Whether a gateway or a web server answered, instead of the token endpoint. */
function isPage({ headers, text }: HttpResponse, json: unknown): boolean {
  if (json !== undefined) return false;
  const type = headers.get('content-type') ?? '';
  return /html/i.test(type) || (!/xml/i.test(type) && text.trimStart().startsWith('<'));
}

/** Lists the texts in an answer with the names of their members, up to a length. */
function searchedTexts(answer: unknown): string[] {
  const texts: string[] = [];
  let length = 0;
  for (const text of leavesOf(answer, '')) {
    texts.push(text);
    length += text.length;
    if (length > MAX_SEARCHED_CHARACTERS) break;
  }
  return texts;
}

/**
 * A form that is sent back names the member first: `{ "refresh_token": ["is invalid"] }`. A list of faults names it beside the fault:
 * `{ "field": "refresh_token", "code": "invalid" }`.
 */
function* leavesOf(value: unknown, name: string): Generator<string> {
  if (typeof value === 'string')
    yield `${/refresh/i.test(name) ? 'refresh_token ' : ''}${value.slice(0, MAX_SEARCHED_CHARACTERS)}`;
  else if (Array.isArray(value)) for (const item of value) yield* leavesOf(item, name);
  else if (isObject(value)) {
    const members = Object.entries(value);
    const isFault = members.some(([key, member]) => key !== 'grant_type' && namesMember(member));
    for (const [key, member] of members) yield* leavesOf(member, isFault ? 'refresh_token' : key);
  }
}

/** Whether `value` is the name of the refresh token, or a path to it. */
function namesMember(value: unknown): boolean {
  const name: unknown = Array.isArray(value) ? value.at(-1) : value;
  return typeof name === 'string' && /^refresh_?token$/i.test(name);
}
