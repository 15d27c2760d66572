import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OAuthError } from '@oa/types';
import { boundConnections } from './connections.ts';
import { candidateTargets, type RedirectHost, type RedirectTarget } from './redirect.ts';

/** The servers that listen for one login, and the redirect target that they serve. */
export interface LoopbackListener {
  servers: Server[];
  port: number;
  target: RedirectTarget;
}

/**
 * `busy`: the port is taken. `denied`: the system does not let this user listen on it. `absent`: this machine does not have the address
 * family.
 */
type ListenFailure = 'busy' | 'denied' | 'absent';
type ListenResult = Server | ListenFailure;

/** The longest time that a request may take to arrive. */
const MAX_REQUEST_MS = 10_000;
const REQUEST_CHECK_INTERVAL_MS = 1_000;
/**
 * Browsers send the cookies of all ports of a host, so those of every web server that was ever developed on this machine come with the
 * callback. Node.js answers 431 above 16 KiB by default.
 */
const MAX_HEADER_BYTES = 262_144;
/** How often a random port is drawn if the other address family has it taken. */
const MAX_PORT_DRAWS = 10;
const ABSENT_FAMILY_CODES: ReadonlySet<string> = new Set([
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
  'ENETUNREACH',
]);

/**
 * Listens on 127.0.0.1 and [::1], on one port. The redirect URI has the first host that this machine has. If that host's port is busy,
 * the next port is tried, not the next host: a client that is registered for 127.0.0.1 is often not registered for [::1].
 * `localhost` is used only if no other program has the port on either address, because that program might receive the code.
 *
 * @throws {OAuthError} `port_unavailable`
 */
export async function listenOnLoopback(
  targets: readonly RedirectTarget[],
  ports: readonly number[],
): Promise<LoopbackListener> {
  const failures = new Map<number, [v4: ListenResult, v6: ListenResult]>();
  for (const port of ports.flatMap((each) => (each === 0 ? Array<number>(MAX_PORT_DRAWS).fill(0) : [each]))) {
    const v4 = await listenOn('127.0.0.1', port);
    const actual = typeof v4 === 'string' ? port : boundPort(v4);
    const v6 = await listenOn('::1', actual);
    const servers = [v4, v6].filter((server) => typeof server !== 'string');
    const target = findUsableTarget(targets, port, v4, v6);
    if (target !== undefined && servers[0] !== undefined) return { servers, port: boundPort(servers[0]), target };
    await Promise.all(servers.map(closeServer));
    failures.set(port, [v4, v6]);
  }
  const tried = [...failures].map(([port, results]) =>
    toFailureText(candidateTargets(targets, port), port, ...results),
  );
  throw new OAuthError('port_unavailable', portUnavailableText(targets, tried));
}

/** Closes the server at once, with all open connections. */
export async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/**
 * The target for `port`: one that is registered with this port, if there is one, on the first host that this machine has. `undefined` if
 * the port is busy there.
 */
export function findUsableTarget(
  targets: readonly RedirectTarget[],
  port: number,
  v4: ListenResult,
  v6: ListenResult,
): RedirectTarget | undefined {
  const target = findPresentTarget(candidateTargets(targets, port), v4, v6);
  return target && isHostUsable(target.host, v4, v6) ? target : undefined;
}

/** The first target whose host this machine has. `localhost` can be either address. */
function findPresentTarget(
  candidates: readonly RedirectTarget[],
  v4: ListenResult,
  v6: ListenResult,
): RedirectTarget | undefined {
  return candidates.find(({ host }) => host === 'localhost' || (host === '127.0.0.1' ? v4 : v6) !== 'absent');
}

/** Whether a redirect to `host` can only reach this process. */
export function isHostUsable(host: RedirectHost, v4: ListenResult, v6: ListenResult): boolean {
  if (host === '127.0.0.1') return typeof v4 !== 'string';
  if (host === '[::1]') return typeof v6 !== 'string';
  return (
    [v4, v6].every((each) => each === 'absent' || typeof each !== 'string') && (v4 !== 'absent' || v6 !== 'absent')
  );
}

/** EACCES: a privileged port, or one that Windows reserves, which another program may have. */
export function toListenFailure(error: object): ListenFailure {
  const code = 'code' in error ? String(error.code) : '';
  if (ABSENT_FAMILY_CODES.has(code)) return 'absent';
  return ['EACCES', 'EPERM'].includes(code) ? 'denied' : 'busy';
}

async function listenOn(address: '127.0.0.1' | '::1', port: number): Promise<ListenResult> {
  // An `import` of node:http reads lazy getters that load undici, which takes ten times as long.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({
    headersTimeout: MAX_REQUEST_MS,
    requestTimeout: MAX_REQUEST_MS,
    connectionsCheckingInterval: REQUEST_CHECK_INTERVAL_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  boundConnections(server);
  return new Promise<ListenResult>((resolve) => {
    server.once('error', (error) => resolve(toListenFailure(error)));
    server.listen({ host: address, port, ipv6Only: true }, () => resolve(server));
  });
}

function boundPort(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function toFailureText(
  candidates: readonly RedirectTarget[],
  port: number,
  v4: ListenResult,
  v6: ListenResult,
): string {
  const name = port === 0 ? 'a random port' : `port ${port}`;
  const host = findPresentTarget(candidates, v4, v6)?.host;
  const results = host === 'localhost' ? [v4, v6] : host === '[::1]' ? [v6] : [v4];
  if (results.includes('denied'))
    return `${name}, which this program may not use: ports below 1024 can need a privilege, and Windows reserves some (netsh int ipv4 show excludedportrange protocol=tcp)`;
  if (results.includes('busy')) return `${name}, which another program uses`;
  return `${name}, but this machine does not have the address`;
}

function portUnavailableText(targets: readonly RedirectTarget[], tried: readonly string[]): string {
  const hosts = [...new Set(targets.map((target) => target.host))].join(' or ');
  const advice = tried.some((each) => each.includes('another program')) ? 'End the other program, or choose' : 'Choose';
  return (
    `No port on ${hosts} is available for the callback (tried ${tried.join('; ')}). ${advice} another port with the option port. ` +
    'Most servers accept only the ports that the client is registered with.'
  );
}
