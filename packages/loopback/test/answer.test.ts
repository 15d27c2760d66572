import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readFormPost } from '../src/answer.ts';

const requestOf = (chunks: Iterable<string>): IncomingMessage =>
  Readable.from(chunks, { objectMode: false }) as IncomingMessage;

it('reads an answer from the body of a request, and no body of more than 256 KiB', async () => {
  expect(await readFormPost(requestOf(['code=c&', 'state=s']))).toBe('code=c&state=s');
  expect(await readFormPost(requestOf(['x'.repeat(200_000), 'x'.repeat(200_000)]))).toBeUndefined();
});

it('reads no body that does not arrive whole', async () => {
  function* broken(): Generator<string> {
    yield 'code=';
    throw new Error('aborted');
  }
  expect(await readFormPost(requestOf(broken()))).toBeUndefined();
});
