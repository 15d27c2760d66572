import { OAuthError, type OAuthErrorDetails } from '@oa/types';
import { redacted, secretsReceived, words } from './redact.ts';
import { nameOf, secretsOf, type HttpResponse } from './request.ts';
import { retryAfterOf } from './retry.ts';

/** An error code of RFC 6749 section 5.2 or of an extension. Frameworks write "Unauthorized" or a sentence there. */
const CODE = /^[a-z][a-z0-9_.:/-]{0,99}$/;
const PASSING: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error']);
/** Codes that programs decide by: never redacted, even if a secret happens to be a part of one. */
const KNOWN: ReadonlySet<string> = words(`
  invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope
  invalid_target invalid_token unsupported_token_type access_denied use_dpop_nonce invalid_dpop_proof
  authorization_pending slow_down expired_token invalid_redirect_uri invalid_client_metadata
  interaction_required login_required consent_required temporarily_unavailable server_error
`);

/** The error that `response` reports, if it reports one: by its status, or by an `error` member in any status. */
export function errorOf(response: HttpResponse, json: unknown): OAuthError | undefined {
  const { status } = response;
  const successful = status >= 200 && status <= 299;
  const body = isObject(json) ? json : {};
  const error = textOf(body['error']);
  if (successful && error === undefined) return undefined;
  const details = detailsOf(response, body);
  const url = nameOf(response);
  const said = details.error_description === undefined ? '' : `: ${details.error_description.slice(0, 200)}`;
  if (error === undefined || !(successful || CODE.test(error) || 'error_description' in body))
    return new OAuthError('http_error', `${url} answered with status ${status}${adviceFor(status)}${said}`, details);
  details.error = KNOWN.has(error) ? error : redacted(error, secretsIn(response, body));
  return new OAuthError('oauth_error', `${url} refused with ${details.error.slice(0, 100)}${said}`, details);
}

function detailsOf(response: HttpResponse, body: Record<string, unknown>): OAuthErrorDetails {
  const { status } = response;
  const description = descriptionOf(body);
  const uri = textOf(body['error_uri']);
  const secrets = secretsIn(response, body);
  const retryAfter = status >= 300 ? retryAfterOf(response.headers, () => response.sentAt) : undefined;
  return {
    status,
    retryable: status === 408 || status === 429 || status >= 500 || PASSING.has(textOf(body['error']) ?? ''),
    ...(description === undefined ? {} : { error_description: redacted(description, secrets) }),
    ...(uri === undefined ? {} : { error_uri: redacted(uri, secrets) }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

function secretsIn(response: HttpResponse, body: Record<string, unknown>): string[] {
  return [...secretsOf(response), ...secretsReceived(body)];
}

/** Where servers put their sentence: RFC 6749 says `error_description`, frameworks say `message`, some use `error` itself. */
function descriptionOf(body: Record<string, unknown>): string | undefined {
  const { error } = body;
  const sentence = textOf(body['error_description']) ?? textOf(body['message']);
  if (sentence !== undefined) return sentence;
  if (isObject(error)) return textOf(error['message']);
  const text = textOf(error);
  return text === undefined || CODE.test(text) ? undefined : text;
}

function adviceFor(status: number): string {
  if (status === 404) return '; check the address';
  return status === 429 || status >= 500 ? '; try again later' : '';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
