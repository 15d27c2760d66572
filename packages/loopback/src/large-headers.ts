import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** The time that a client has to send the rest of its headers and to read the answer. */
const MAX_DRAIN_MS = 2_000;

/**
 * Calls `onLargeHeaders` once for a connection whose headers are larger than the server accepts. It must end the connection with an
 * answer. Other text that is not HTTP is answered with 400.
 */
export function answerLargeHeaders(server: Server, onLargeHeaders: (socket: Socket) => void): void {
  const answered = new WeakSet<Socket>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // The parser reports every further piece of the same request.
    if (answered.has(socket)) return;
    answered.add(socket);
    if (!socket.writable) socket.destroy();
    else if (error.code === 'HPE_HEADER_OVERFLOW') {
      onLargeHeaders(socket);
      // A connection that is closed with unread data is reset, and the browser would not show the page.
      setTimeout(() => socket.destroy(), MAX_DRAIN_MS).unref();
    } else {
      const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
    }
  });
}
