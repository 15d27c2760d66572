import { isObject } from '@oa/mechanisms';
import { OAuthError, type OAuthErrorDetails } from '@oa/types';
import { redact } from './redact.ts';
import type { HttpResponse } from './request.ts';
import { responseName } from './response-name.ts';
import { parseRetryAfter } from './retry.ts';
import { secretsReceived, secretsSentFor, toWordSet } from './secrets.ts';

/** An error code of RFC 6749 section 5.2 or of an extension. Frameworks put "Unauthorized" or a sentence into `error`. */
const CODE_PATTERN = /^[a-z][a-z0-9_.:/-]{0,99}$/;
const TRANSIENT_CODES: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error']);
/** Programs decide by these codes. They are never redacted, even if a secret is a part of one. */
const STANDARD_CODES: ReadonlySet<string> = toWordSet(`
  invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope
  invalid_target invalid_token unsupported_token_type access_denied use_dpop_nonce invalid_dpop_proof
  authorization_pending slow_down expired_token invalid_redirect_uri invalid_client_metadata
  interaction_required login_required consent_required temporarily_unavailable server_error
`);
/** What to do after a refusal. `@oa/client-authentication` adds it for the codes about the client. */
const ADVICE_BY_CODE: Readonly<Record<string, string>> = {
  invalid_grant:
    'The code, the refresh token or the assertion is invalid, expired, revoked or used. Log in again, or get a new assertion.',
  invalid_request: 'A parameter is missing or not accepted. Compare the request with the documentation of the server.',
  invalid_scope: 'Check the scope: the server does not know one of them, or does not allow it to this client.',
  invalid_target: 'Check `resource` and `audience` against what the API and the server expect.',
  unauthorized_client: 'Check at the server that this client may use this grant.',
  unsupported_grant_type: 'The server has no such grant, or not for this client. Use another one.',
  redirect_uri_mismatch: 'Register the redirect URI of this program at the server.',
  access_denied: 'The user, or a rule of the server, did not allow it.',
  expired_token: 'The code has expired. Log in again to get a new one.',
  login_required: 'Log in again.',
  interaction_required: 'Log in again.',
  consent_required: 'Log in again.',
  temporarily_unavailable: 'Try again later.',
  server_error: 'Try again later. If the error stays, report it to the server operator.',
  invalid_redirect_uri: 'Use a redirect URI that the server allows.',
};
/** Where servers put the sentence, the specified member first. */
const DESCRIPTION_NAMES = [
  'error_description',
  'message',
  'error_message',
  'errorMessage',
  'errorSummary',
  'description',
  'detail',
  'msg',
  'errmsg',
  'reason',
];
/** Ory Hydra and Authelia say what to change only after their first sentence. */
const MAX_QUOTED_CHARACTERS = 400;
/** A longer text is a page or a trace. */
const MAX_PLAIN_CHARACTERS = 500;

/**
 * Returns the error that a response reports, by its status or by an `error` member in any status. A success has none. The member may also
 * be an object with a code and a text.
 */
export function toResponseError(response: HttpResponse, json: unknown): OAuthError | undefined {
  const { status } = response;
  const successful = status >= 200 && status <= 299;
  const body = isObject(json) ? json : {};
  const nested = isObject(body['error']) ? body['error'] : {};
  const error =
    toNonEmptyString(body['error']) ??
    nestedCode(nested, successful && !('access_token' in body)) ??
    (successful ? undefined : standardCode(body['errorCode']));
  if (successful && error === undefined) return undefined;
  const secrets = [...secretsSentFor(response), ...secretsReceived(body), ...secretsReceived(nested)];
  const details = toErrorDetails(response, error, descriptionIn(response, json), body, secrets);
  const name = responseName(response);
  const quote = quoteDescription(details.error_description);
  if (error === undefined || !(successful || CODE_PATTERN.test(error) || 'error_description' in body))
    return new OAuthError(
      'http_error',
      `${name} answered with status ${status}.${adviceForStatus(status)}${quote}`,
      details,
    );
  const code = STANDARD_CODES.has(error) ? error : redact(error, secrets);
  return new OAuthError(
    'oauth_error',
    `${name} refused the request with ${code.slice(0, 100)}.${quote}${adviceForCode(code)}`,
    {
      ...details,
      error: code,
    },
  );
}

function toErrorDetails(
  response: HttpResponse,
  error: string | undefined,
  description: string | undefined,
  body: Record<string, unknown>,
  secrets: readonly string[],
): OAuthErrorDetails {
  const { status } = response;
  const uri = toNonEmptyString(body['error_uri']);
  // ServiceNow answers a refused refresh token with 401 and server_error.
  const transient = TRANSIENT_CODES.has(error ?? '') && status !== 401 && status !== 403;
  return {
    status,
    retryable: status === 408 || status === 429 || status >= 500 || transient,
    error_description: description && redact(description, secrets),
    error_uri: uri && redact(uri, secrets),
    retryAfter: status >= 300 ? parseRetryAfter(response.headers, () => response.sentAt) : undefined,
  };
}

/** Returns the code in an error that is an object. In a success without a token, its text counts as the code, as it does in `error`. */
function nestedCode(nested: Record<string, unknown>, textCounts: boolean): string | undefined {
  const code = ['code', 'type', 'error']
    .map((name) => toNonEmptyString(nested[name])?.toLowerCase())
    .find((each) => each !== undefined && CODE_PATTERN.test(each));
  return code ?? (textCounts ? textIn(nested) : undefined);
}

/** Okta has two forms of errors, one of which has the code here. */
function standardCode(value: unknown): string | undefined {
  return typeof value === 'string' && STANDARD_CODES.has(value) ? value : undefined;
}

/** RFC 6749 puts the sentence into `error_description`. Frameworks use other members, and some servers use `error` itself or plain text. */
function descriptionIn({ headers, text }: HttpResponse, json: unknown): string | undefined {
  if (json === undefined) return isShortText(headers, text) ? text.trim() : undefined;
  if (!isObject(json)) return undefined;
  const { error } = json;
  const sentence = textIn(json) ?? (isObject(error) ? textIn(error) : toNonEmptyString(error));
  return sentence === undefined || (sentence === error && CODE_PATTERN.test(sentence)) ? undefined : sentence;
}

/** Quotes what the server says in an answer that is not what was expected: some servers report their errors with status 200. */
export function quoteAnswer(response: HttpResponse, json: Record<string, unknown>): string {
  const text = textIn(json);
  return quoteDescription(text && redact(text, [...secretsSentFor(response), ...secretsReceived(json)]));
}

function textIn(body: Record<string, unknown>): string | undefined {
  return DESCRIPTION_NAMES.map((name) => toNonEmptyString(body[name])).find((text) => text !== undefined);
}

/** Whether a body that is no JSON is a sentence, and not a page of a gateway. */
function isShortText(headers: Headers, text: string): boolean {
  const type = headers.get('content-type') ?? 'text/plain';
  return /^text\/plain\b/i.test(type) && text.length <= MAX_PLAIN_CHARACTERS && /^\s*[^\s<]/.test(text);
}

function quoteDescription(description: string | undefined): string {
  // A text in another script has no character that an error may show.
  if (description === undefined || description.trim() === '') return '';
  const isLong = description.length > MAX_QUOTED_CHARACTERS;
  return ` The server says: "${isLong ? `${description.slice(0, MAX_QUOTED_CHARACTERS)}...` : description}".`;
}

function adviceForCode(code: string): string {
  return Object.hasOwn(ADVICE_BY_CODE, code) ? ` ${ADVICE_BY_CODE[code]}` : '';
}

function adviceForStatus(status: number): string {
  if (status === 404 || status === 405 || status === 410) return ' Check the address.';
  if (status === 407)
    return ' A proxy wants credentials: put them into the URL of the proxy, as in HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT.';
  return status === 429 || status >= 500 ? ' Try again later.' : '';
}

function toNonEmptyString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
