// Ports that other programs use.
import { createServer, type AddressInfo, type Server } from 'node:net';
import { onTestFinished, vi } from 'vitest';

/**
 * A program that listens on `port` of 127.0.0.1 until the test ends, or until it is closed. Port 0 is a random one. A login that has ended
 * keeps its port for two seconds, so this waits for the port.
 */
export async function occupyPort(port = 0): Promise<{ port: number; close: () => Promise<void> }> {
  const server = await vi.waitFor(() => listenOn(port), { timeout: 20_000, interval: 100 });
  const close = (): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));
  onTestFinished(close);
  return { port: (server.address() as AddressInfo).port, close };
}

async function listenOn(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ port, host: '127.0.0.1' }, resolve);
  });
  return server;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { port, close } = await occupyPort();
  await close();
  return port;
}
