import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { closeServer, listen } from '@oa-internal/testing/server';
import { afterEach, beforeEach, vi } from 'vitest';

/** Closes what {@link startServer} and {@link startSocketServer} started. */
const closing: (() => Promise<void>)[] = [];

/** Starts a server on loopback, and returns its host and port. */
export async function startServer(server: Server): Promise<string> {
  const { host } = new URL(await listen(server));
  closing.push(() => closeServer(server));
  return host;
}

/** Starts a TCP server on loopback, and returns its host and port. */
export async function startSocketServer(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  const { host } = new URL(await listen(server as Server));
  closing.push(async () => void server.close());
  return host;
}

/** Each test of the file runs without the variables of a proxy, and closes its servers. */
export function isolateNetwork(): void {
  beforeEach(() => {
    for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'])
      for (const spelling of [name, name.toLowerCase()]) vi.stubEnv(spelling, undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await closeServers();
  });
}

/** Closes all servers that this file started. */
export async function closeServers(): Promise<void> {
  await Promise.all(closing.splice(0).map((close) => close()));
}

/** The host and port of a port that nothing listens at, and that is not reserved for another protocol. */
export async function closedHost(): Promise<string> {
  const server = createHttpServer();
  const { host } = new URL(await listen(server));
  await closeServer(server);
  return host;
}
