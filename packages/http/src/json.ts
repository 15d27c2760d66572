import { createLoader, isObject } from '@oa/mechanisms';
import type { OAuthError, RequestParameters } from '@oa/types';
import type { BaseIssue, GenericSchema } from 'valibot';
import { isLabelledAsPage } from './media-type.ts';
import { isTokenAnswer, parseBody } from './parse.ts';
import { request, type HttpOptions, type HttpResponse } from './request.ts';

const loadAnswerErrors = createLoader(() => import('./answer-error.ts'));

/**
 * Reads the JSON document in a response, and checks it with a schema. An answer with an `access_token` is read whatever its content
 * type, and whatever the encoding of texts beside the token. It may also be a form.
 *
 * @returns what `schema` makes of the document
 * @throws {OAuthError} `oauth_error` if the server refused, with any status, `http_error` for another error status;
 *   `unexpected_content_type`, `invalid_json` or `invalid_response` for a body that is not what the specification requires
 * @throws {TypeError} if `schema` is asynchronous
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export async function readJson<T>(response: HttpResponse, schema: GenericSchema<unknown, T>): Promise<T> {
  const json = parseBody(response.text);
  const error = await errorIn(response, json);
  if (error !== undefined) throw error;
  if (!isTokenAnswer(json) && !isJsonAnswer(response, json))
    throw (await loadAnswerErrors()).toUnreadableError(response, json);
  // The Standard Schema entry of the schema does the work, so that this package does not load valibot.
  const result = schema['~standard'].validate(json);
  if (result instanceof Promise) throw new TypeError('schema must be synchronous.');
  if (result.issues === undefined) return result.value;
  // The issues are valibot's, and there is at least one.
  const [issue] = result.issues as unknown as [BaseIssue<unknown>];
  throw (await loadAnswerErrors()).toSchemaError(json, issue, response);
}

/**
 * Reads the error that a response reports. It is for endpoints whose success has no body.
 *
 * @returns an `oauth_error`, or an `http_error` for an error status without an OAuth error; `undefined` for a success
 * @throws the error of a failed import: the texts of errors are loaded with the first error
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export async function readError(response: HttpResponse): Promise<OAuthError | undefined> {
  return errorIn(response, parseBody(response.text));
}

/**
 * Fetches a JSON document with a GET.
 *
 * @returns what `schema` makes of the document
 * @throws {OAuthError} `insecure_url`, `network_error`, `timeout`, `redirect_refused`, `response_too_large`, `oauth_error`, `http_error`,
 *   `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if an argument is wrong
 * @throws the reason of `options.signal` when it aborts
 * @example
 * const url = 'https://as.example/.well-known/oauth-authorization-server';
 * const server = await getJson(url, authorizationServerSchema, { timeout: 5_000 });
 */
export async function getJson<T>(
  url: string,
  schema: GenericSchema<unknown, T>,
  options: HttpOptions = {},
): Promise<T> {
  return readJson(await request('GET', url, options), schema);
}

/**
 * Sends a form with a POST, as `application/x-www-form-urlencoded`, and reads JSON.
 *
 * @param form an array is sent as repeated parameters, and `undefined` is not sent
 * @returns what `schema` makes of the answer
 * @throws {OAuthError} `insecure_url`, `network_error`, `timeout`, `redirect_refused`, `response_too_large`, `oauth_error`, `http_error`,
 *   `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if an argument is wrong
 * @throws the reason of `options.signal` when it aborts
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.2
 */
export async function postForm<T>(
  url: string,
  form: RequestParameters,
  schema: GenericSchema<unknown, T>,
  options: HttpOptions = {},
): Promise<T> {
  return readJson(await request('POST', url, { ...options, form }), schema);
}

/**
 * Sends JSON with a POST, and reads JSON.
 *
 * @returns what `schema` makes of the answer
 * @throws {OAuthError} `insecure_url`, `network_error`, `timeout`, `redirect_refused`, `response_too_large`, `oauth_error`, `http_error`,
 *   `unexpected_content_type`, `invalid_json`, `invalid_response`
 * @throws {TypeError} if an argument is wrong
 * @throws the reason of `options.signal` when it aborts
 */
export async function postJson<T>(
  url: string,
  body: unknown,
  schema: GenericSchema<unknown, T>,
  options: HttpOptions = {},
): Promise<T> {
  const headers = { ...options.headers, 'content-type': 'application/json' };
  return readJson(await request('POST', url, { ...options, headers, body: JSON.stringify(body) }), schema);
}

/** A success without the member `error` reports none, and loads nothing. */
async function errorIn(response: HttpResponse, json: unknown): Promise<OAuthError | undefined> {
  const { status } = response;
  if (status >= 200 && status <= 299 && !(isObject(json) && json['error'])) return undefined;
  return (await loadAnswerErrors()).toResponseError(response, json);
}

/**
 * Real servers label JSON as text/plain, or not at all. A body that is labelled as a page is refused, even if it is JSON. TextDecoder writes
 * U+FFFD for bytes that are not UTF-8 (RFC 8259 section 8.1): a token with one would be another token.
 */
function isJsonAnswer(response: HttpResponse, json: unknown): boolean {
  return json !== undefined && !isLabelledAsPage(response) && !response.text.includes('\uFFFD');
}
