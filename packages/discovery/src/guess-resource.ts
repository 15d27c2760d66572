import type { ProtectedResource } from '@oa/types';

/**
 * The metadata of a resource that publishes none, as servers of the MCP protocol 2025-03-26 do not: its origin is its authorization server,
 * and its URL is its identifier.
 *
 * The query is left out: it belongs to one request, and may hold a key.
 *
 * @see https://modelcontextprotocol.io/specification/2025-03-26/basic/authorization#2-3-server-metadata-discovery
 */
export function guessResource(url: string): ProtectedResource & { authorization_servers: [string] } {
  const { origin, pathname } = new URL(url);
  return { resource: pathname === '/' ? origin : `${origin}${pathname}`, authorization_servers: [origin] };
}
