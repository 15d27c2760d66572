import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OAuthError } from '@oa/types';
import type { RedirectHost, RedirectTarget } from './redirect.ts';

export interface Listening {
  servers: Server[];
  port: number;
  target: RedirectTarget;
}

/** `busy`: somebody else has it. `absent`: this machine does not have this family. */
type Attempt = Server | 'busy' | 'absent';

/** How often a random port is drawn when the other family's is taken. */
const RANDOM_DRAWS = 10;
const ABSENT: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ENETUNREACH']);

/**
 * Listens on 127.0.0.1 and [::1], on one port, and nowhere else; where only one of them is to be had, on that one
 * (RFC 8252 section 7.3). `localhost` is used only if no other program has the port on either, since it might get the code.
 */
export async function listenOnLoopback(
  targets: readonly RedirectTarget[],
  ports: readonly number[],
): Promise<Listening> {
  for (const port of ports.flatMap((each) => (each === 0 ? Array<number>(RANDOM_DRAWS).fill(0) : [each]))) {
    const v4 = await listen('127.0.0.1', port);
    const actual = typeof v4 === 'string' ? port : portOf(v4);
    const v6 = await listen('::1', actual);
    const servers = [v4, v6].filter((server) => typeof server !== 'string');
    const target = targets.find(({ host }) => usable(host, v4, v6));
    if (target !== undefined && servers[0] !== undefined) return { servers, port: portOf(servers[0]), target };
    await Promise.all(servers.map(closeServer));
  }
  throw new OAuthError('port_unavailable', noPort(targets, ports));
}

/** Closes at once, with every connection that is still open. */
export async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Whether a redirect to `host` arrives here and nowhere else. */
export function usable(host: RedirectHost, v4: Attempt, v6: Attempt): boolean {
  if (host === '127.0.0.1') return typeof v4 !== 'string';
  if (host === '[::1]') return typeof v6 !== 'string';
  return v4 !== 'busy' && v6 !== 'busy' && (v4 !== 'absent' || v6 !== 'absent');
}

async function listen(host: '127.0.0.1' | '::1', port: number): Promise<Attempt> {
  // An `import` of node:http reads lazy getters that load undici, which costs ten times as much.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 });
  return new Promise<Attempt>((resolve) => {
    server.once('error', (error) => resolve(whyNot(error)));
    server.listen({ host, port, ipv6Only: true }, () => resolve(server));
  });
}

/** Privileged ports and those that Windows reserves count as busy. */
export function whyNot(error: object): 'busy' | 'absent' {
  return 'code' in error && ABSENT.has(String(error.code)) ? 'absent' : 'busy';
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function noPort(targets: readonly RedirectTarget[], ports: readonly number[]): string {
  const hosts = [...new Set(targets.map((target) => target.host))].join(' or ');
  const tried = ports.map((port) => (port === 0 ? 'a random port' : `port ${port}`)).join(', ');
  return `Nothing could listen on ${hosts} for the callback (tried ${tried}). Free the port, or name others with the option port.`;
}
