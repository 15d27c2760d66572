import { OAuthError, type RequestParameters } from '@oa/types';
import type { GenericSchema } from 'valibot';
import { errorOf } from './error.ts';
import { parsedJson } from './parse.ts';
import { nameOf, request, type HttpOptions, type HttpResponse } from './request.ts';
import { validated } from './schema.ts';

/**
 * The JSON document in `response`, checked with `schema`.
 *
 * Rejects with `oauth_error` where the server refused, also with status 200; `http_error` for any other error status;
 * `unexpected_content_type`, `invalid_json` or `invalid_response` for a body that is not what the specification asks for.
 */
export function readJson<T>(response: HttpResponse, schema: GenericSchema<unknown, T>): T {
  const json = parsedJson(response.text);
  const error = errorOf(response, json);
  if (error !== undefined) throw error;
  const url = nameOf(response);
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  // Servers that call their JSON text/plain, or nothing at all, are merely odd. A page or a document is something else.
  if (json === undefined || /html|xml/.test(type)) throw unreadable(response, url, type);
  // TextDecoder writes U+FFFD for bytes that are not UTF-8 (RFC 8259 section 8.1): such a token would be another one.
  if (response.text.includes('\uFFFD')) throw unreadable(response, url, 'application/json');
  return validated(json, schema, url);
}

/** The error that `response` reports: `oauth_error`, or `http_error` for an error status without one. `undefined` for a success. */
export function readError(response: HttpResponse): OAuthError | undefined {
  return errorOf(response, parsedJson(response.text));
}

/** GETs a JSON document. Codes as of {@link request} and {@link readJson}. */
export async function getJson<T>(
  url: string,
  schema: GenericSchema<unknown, T>,
  options: HttpOptions = {},
): Promise<T> {
  return readJson(await request('GET', url, options), schema);
}

/** POSTs `form` as `application/x-www-form-urlencoded` (RFC 6749 section 3.2) and reads JSON. Codes as of {@link request} and {@link readJson}. */
export async function postForm<T>(
  url: string,
  form: RequestParameters,
  schema: GenericSchema<unknown, T>,
  options: HttpOptions = {},
): Promise<T> {
  return readJson(await request('POST', url, { ...options, form }), schema);
}

/** POSTs `body` as JSON and reads JSON. Codes as of {@link request} and {@link readJson}. */
export async function postJson<T>(
  url: string,
  body: unknown,
  schema: GenericSchema<unknown, T>,
  options: HttpOptions = {},
): Promise<T> {
  const headers = { ...options.headers, 'content-type': 'application/json' };
  return readJson(await request('POST', url, { ...options, headers, body: JSON.stringify(body) }), schema);
}

function unreadable(response: HttpResponse, url: string, type: string): OAuthError {
  const details = { status: response.status };
  if (response.text.trim() === '')
    return new OAuthError('invalid_json', `${url} answered with an empty body; expected JSON.`, details);
  if (type === '' || /^application\/(.+\+)?json$/.test(type))
    return new OAuthError('invalid_json', `${url} answered with a body that is not valid JSON.`, details);
  const what = 'with something other than JSON (a web page?). Check that the address is an OAuth endpoint.';
  return new OAuthError('unexpected_content_type', `${url} answered ${what}`, details);
}
