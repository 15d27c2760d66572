import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { answerLargeHeaders } from '../src/large-headers.ts';

it('destroys a connection that no answer can be written to any more', () => {
  const server = createServer();
  let answered = 0;
  answerLargeHeaders(server, () => (answered += 1));
  const socket = new Socket();
  socket.end();
  server.emit('clientError', Object.assign(new Error('x'), { code: 'HPE_HEADER_OVERFLOW' }), socket);
  expect(socket.destroyed).toBe(true);
  expect(answered).toBe(0);
});
