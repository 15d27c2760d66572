import type { RequestParameters } from '@oa/types';

/** What a caller sends. */
export interface GivenParts {
  headers?: Record<string, string> | undefined;
  form?: RequestParameters | undefined;
  body?: string | undefined;
}

/** What is sent. */
export interface RequestParts {
  headers: Record<string, string>;
  body: string | undefined;
}

/**
 * Makes the headers and the body of a request.
 *
 * @throws {TypeError} if a header is wrong
 */
export function toRequestParts({ headers: given, form, body }: GivenParts): RequestParts {
  const headers = toRequestHeaders(given);
  if (form === undefined) return { headers, body };
  headers['content-type'] = 'application/x-www-form-urlencoded';
  return { headers, body: encodeForm(form) };
}

/** The error for a wrong value names the header and does not show the value. The error of `fetch` would print it. */
function toRequestHeaders(given: Record<string, string> = {}): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json' };
  for (const [name, value] of Object.entries(given)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw new TypeError('options.headers has a name that is not a header name.');
    if (typeof value !== 'string' || !/^[\t\x20-\x7e]*$/.test(value))
      throw new TypeError(`options.headers: the value of ${name} must be a string of printable ASCII characters.`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function encodeForm(form: RequestParameters): string {
  const encoded = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) encoded.append(name, one);
  }
  return encoded.toString();
}
