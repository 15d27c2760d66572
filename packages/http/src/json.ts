import { OAuthError, type RequestParameters } from '@oa/types';
import type { GenericSchema } from 'valibot';
import { toResponseError } from './error.ts';
import { isTokenAnswer, parseBody } from './parse.ts';
import { request, responseName, type HttpOptions, type HttpResponse } from './request.ts';
import { validateJson } from './schema.ts';

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
export function readJson<T>(response: HttpResponse, schema: GenericSchema<unknown, T>): T {
  const json = parseBody(response.text);
  const error = toResponseError(response, json);
  if (error !== undefined) throw error;
  if (isTokenAnswer(json)) return validateJson(json, schema, response);
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  // Real servers label JSON as text/plain, or not at all. A body that is labelled as a page is refused, even if it is JSON.
  if (json === undefined || /html|xml/.test(type))
    throw unreadableBody(response, json === undefined && isCutJson(response.text) ? 'application/json' : type);
  // TextDecoder writes U+FFFD for bytes that are not UTF-8 (RFC 8259 section 8.1). A token with one would be another token.
  if (response.text.includes('\uFFFD')) throw unreadableBody(response, 'application/json');
  return validateJson(json, schema, response);
}

/**
 * Reads the error that a response reports. It is for endpoints whose success has no body.
 *
 * @returns an `oauth_error`, or an `http_error` for an error status without an OAuth error; `undefined` for a success
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function readError(response: HttpResponse): OAuthError | undefined {
  return toResponseError(response, parseBody(response.text));
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

/** Whether a text that is not JSON began as a JSON object. The label does not matter then: the answer broke off. */
function isCutJson(text: string): boolean {
  return /^\s*\{\s*"/.test(text);
}

function unreadableBody(response: HttpResponse, type: string): OAuthError {
  const { status, text } = response;
  const name = responseName(response);
  if (text.trim() === '')
    return new OAuthError('invalid_json', `${name} answered with an empty body instead of JSON. Check the address.`, {
      status,
    });
  if (type === '' || /^application\/(.+\+)?json$/.test(type))
    return new OAuthError(
      'invalid_json',
      `${name} answered with a body that is not valid JSON. Report it to the server operator.`,
      { status },
    );
  return new OAuthError(
    'unexpected_content_type',
    `${name} answered with something other than JSON, such as a web page. Check that the address is an OAuth endpoint.`,
    { status },
  );
}
