import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Lets an HTTP server listen on loopback, on a random port by default, and resolves to its origin. */
export async function listen(server: Server, host: '127.0.0.1' | '::1' = '127.0.0.1', port = 0): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return host === '::1' ? `http://[::1]:${address.port}` : `http://127.0.0.1:${address.port}`;
}

/** Closes a server and its connections. */
export async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
