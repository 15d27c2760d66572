import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** More connections without a request are not held open. A browser opens a few. */
const MAX_IDLE_CONNECTIONS = 100;

/**
 * Closes the oldest connections that have sent no request, above a maximum. Every program on this machine can open connections, and
 * without free file descriptors the callback would be reset.
 */
export function boundConnections(server: Server): void {
  const idle = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    idle.add(socket);
    socket.once('close', () => idle.delete(socket));
    for (const oldest of idle) {
      if (idle.size <= MAX_IDLE_CONNECTIONS) break;
      idle.delete(oldest);
      oldest.destroy();
    }
  });
  server.on('request', ({ socket }) => idle.delete(socket));
}

/**
 * Follows the connections of a server. The returned function lets the process end although the server listens and has connections: a
 * browser opens some that it may never use.
 */
export function createUnref(server: Server): () => void {
  const open = new Set<Socket>();
  let isUnref = false;
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (isUnref) socket.unref();
  });
  return () => {
    isUnref = true;
    server.unref();
    server.closeIdleConnections();
    for (const socket of open) socket.unref();
  };
}
