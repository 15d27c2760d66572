import { OAuthError } from '@oa/types';

/** The limit counts bytes after decompression. Answers of OAuth endpoints are much smaller. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads the body of a response as text. The read stops at the limit, so that a compressed bomb or an endless stream is not read to its
 * end.
 *
 * @throws {OAuthError} `response_too_large`
 */
export async function readBody(response: Response, name: string): Promise<string> {
  if (Number(response.headers.get('content-length')) > MAX_BODY_BYTES) throw bodyTooLarge(name);
  if (response.body === null) return '';
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const decoder = new TextDecoder();
  let size = 0;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > MAX_BODY_BYTES) throw bodyTooLarge(name);
    text += decoder.decode(value, { stream: true });
  }
}

function bodyTooLarge(name: string): OAuthError {
  return new OAuthError(
    'response_too_large',
    `${name} answered with more than 1 MiB. Check that the address is an OAuth endpoint.`,
  );
}
