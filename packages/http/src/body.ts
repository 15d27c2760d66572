import { OAuthError } from '@oa/types';

/** Bytes, after decompression. Nothing that an OAuth endpoint answers comes near. */
const LIMIT = 1024 * 1024;

/** Reads the body as text, and stops at the limit: a compressed bomb or an endless stream is not read to its end. */
export async function readBody(response: Response, name: string): Promise<string> {
  if (Number(response.headers.get('content-length')) > LIMIT) throw tooLarge(name);
  if (response.body === null) return '';
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const decoder = new TextDecoder();
  let size = 0;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > LIMIT) throw tooLarge(name);
    text += decoder.decode(value, { stream: true });
  }
}

function tooLarge(name: string): OAuthError {
  return new OAuthError('response_too_large', `${name} answered with more than 1 MiB, which no OAuth endpoint does.`);
}
