import { startScriptedServer, type Reply, type Script, type ScriptedServer } from '@oa-internal/scripted-server';
import type { AuthorizationServer, OAuthEvent } from '@oa/types';

export const RFC8414 = '/.well-known/oauth-authorization-server';
export const OPENID = '/.well-known/openid-configuration';
export const RESOURCE = '/.well-known/oauth-protected-resource';

export const HTML: Reply = { headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Welcome</title>' };
/** A 503 whose `Retry-After` is so long that the request is not sent again. */
export const OUT_OF_SERVICE: Reply = { status: 503, headers: { 'retry-after': '3600' } };

/** The metadata of `issuer`, with endpoints at `origin`. */
export function metadata(issuer: string, more: Record<string, unknown> = {}, origin = issuer): AuthorizationServer {
  return { issuer, token_endpoint: `${origin}/token`, authorization_endpoint: `${origin}/authorize`, ...more };
}

/** Starts a server whose script needs its origin. */
export async function startServer(
  script: (origin: string) => Script | Record<string, Reply | Script>,
  options?: { host?: '127.0.0.1' | '::1' },
): Promise<ScriptedServer> {
  const server = await startScriptedServer({}, options);
  server.script(script(server.origin));
  return server;
}

export const pathsOf = (server: ScriptedServer): string[] => server.requests.map((request) => request.url);

/** A `fetch` that sends the requests for an https `origin` to `server`. */
export function fetchAs(origin: string, server: ScriptedServer): typeof globalThis.fetch {
  return async (input, init) => fetch((input as string).replace(origin, server.origin), init);
}

export function recordEvents(): { events: OAuthEvent[]; onEvent: (event: OAuthEvent) => void } {
  const events: OAuthEvent[] = [];
  return { events, onEvent: (event) => events.push(event) };
}

/** The first moment of {@link createClock}, in seconds since the epoch. */
export const START_SECONDS = Date.UTC(2030, 0, 1) / 1000;

/** A clock that a test moves, in seconds. */
export function createClock(): { now: () => number; pass: (seconds: number) => void } {
  let now = START_SECONDS * 1000;
  return { now: () => now, pass: (seconds) => void (now += seconds * 1000) };
}
