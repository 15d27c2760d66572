import { attempt } from '@oa/types';
import { closeServer, listenOnLoopback } from './listen.ts';
import { loopbackRedirectUris, toPorts, type RedirectUriOptions } from './redirect.ts';

/**
 * The range of a port that is used for months. It lies below the ports that systems give to outgoing connections (Linux from 32768, macOS
 * and Windows from 49152), where Windows also reserves some, above those of most services, and above those that browsers refuse to open.
 *
 * @see https://fetch.spec.whatwg.org/#port-blocking
 */
const DRAWN_PORTS = { min: 10_081, max: 32_767 };
/** After these, the system chooses the port. */
const MAX_DRAWS = 20;

/**
 * The redirect URIs to register for a client that logs in with these options, as {@link loopbackRedirectUris}, but with a port in each: many
 * servers compare ports, against RFC 8252 section 7.3. In place of a random port they have one that is free now.
 *
 * @throws {OAuthError} `port_unavailable`
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-2
 *
 * @example
 * ```ts
 * const client = await registerClient(server, { redirect_uris: await drawRedirectUris({ issuer: server.issuer }) });
 * ```
 */
export async function drawRedirectUris(options: RedirectUriOptions = {}): Promise<string[]> {
  const port: number[] = [];
  for (const each of toPorts(options.port, [0])) port.push(each === 0 ? await drawPort() : each);
  return loopbackRedirectUris({ ...options, port });
}

/** A port that is free on both address families: `localhost` needs both. */
async function drawPort(): Promise<number> {
  const { randomInt } = process.getBuiltinModule('node:crypto');
  const targets = [{ host: 'localhost', port: 0, path: '' }] as const;
  for (let draw = 0; draw < MAX_DRAWS; draw += 1) {
    const drawn = await attempt(listenOnLoopback(targets, [randomInt(DRAWN_PORTS.min, DRAWN_PORTS.max + 1)]));
    if (drawn.ok) return releasePort(drawn.value);
  }
  return releasePort(await listenOnLoopback(targets, [0]));
}

async function releasePort({ servers, port }: Awaited<ReturnType<typeof listenOnLoopback>>): Promise<number> {
  await Promise.all(servers.map(closeServer));
  return port;
}
