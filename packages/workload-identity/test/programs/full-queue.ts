// Listens on loopback with a short queue of connections, and prints the port.
import { createServer, type AddressInfo } from 'node:net';

const server = createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () =>
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`),
);
