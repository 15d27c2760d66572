import { startScriptedServer, type Reply, type Script, type ScriptedServer } from '@oa-internal/scripted-server';
import type { AuthorizationServer, OAuthEvent } from '@oa/types';

export const RFC8414 = '/.well-known/oauth-authorization-server';
export const OPENID = '/.well-known/openid-configuration';
export const RESOURCE = '/.well-known/oauth-protected-resource';

/** A document of `issuer`, with endpoints at `origin`. */
export function metadata(issuer: string, more: Record<string, unknown> = {}, origin = issuer): AuthorizationServer {
  return { issuer, token_endpoint: `${origin}/token`, authorization_endpoint: `${origin}/authorize`, ...more };
}

/** A server whose issuer is only known once it listens. */
export async function serving(
  script: (origin: string) => Script | Record<string, Reply | Script>,
  options?: { host?: '127.0.0.1' | '::1' },
): Promise<ScriptedServer> {
  const server = await startScriptedServer({}, options);
  server.script(script(server.origin));
  return server;
}

export const pathsOf = (server: ScriptedServer): string[] => server.requests.map((request) => request.url);

/** Real requests to `server`, under the name of an https origin. */
export function as(origin: string, server: ScriptedServer): typeof globalThis.fetch {
  return async (input, init) => fetch((input as string).replace(origin, server.origin), init);
}

export function recorder(): { events: OAuthEvent[]; onEvent: (event: OAuthEvent) => void } {
  const events: OAuthEvent[] = [];
  return { events, onEvent: (event) => events.push(event) };
}

/** 503 that asks for so much patience that it is not repeated. */
export const OUT_OF_SERVICE: Reply = { status: 503, headers: { 'retry-after': '3600' } };
