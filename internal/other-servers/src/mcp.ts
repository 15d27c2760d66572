import { randomUUID } from 'node:crypto';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { OAuthMetadata } from '@modelcontextprotocol/sdk/shared/auth.js';
import express, { type Express, type Handler } from 'express';
import { serve, type LoggedRequest } from './serve.ts';

/** What an MCP server must know of its authorization server. */
export interface TokenIssuer {
  issuer: string;
  /** Describes a valid access token. */
  introspect(
    token: string,
  ): Promise<{ client_id: string; sub?: string; scope?: string; aud?: string | string[] } | undefined>;
}

export interface McpServerHandle {
  url: string;
  requests: LoggedRequest[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const TOKEN_LIFETIME_SECONDS = 60;

/**
 * Starts an MCP server of the SDK over streamable HTTP, as the SDK's example `simpleStreamableHttp` does: sessions, a GET that streams
 * events, and a bearer token of `issuer` with the scope `read` in every request. Its tool `whoami` returns the user of the token.
 */
export async function startMcpServer(issuer: TokenIssuer): Promise<McpServerHandle> {
  const { origin, requests, close } = await serve((own) => createApplication(issuer, new URL('/mcp', own)));
  return { url: `${origin}/mcp`, requests, close, [Symbol.asyncDispose]: close };
}

async function createApplication(issuer: TokenIssuer, url: URL): Promise<Express> {
  const application = express();
  const response = await fetch(`${issuer.issuer}/.well-known/oauth-authorization-server`);
  const oauthMetadata = (await response.json()) as OAuthMetadata;
  application.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: url, scopesSupported: ['read', 'write'] }));
  const authenticate = requireBearerAuth({
    verifier: { verifyAccessToken: (token) => verifyToken(issuer, token, url) },
    requiredScopes: ['read'],
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(url),
    expectedResource: url,
  });
  application.all('/mcp', express.json(), authenticate, createMcpHandler());
  return application;
}

async function verifyToken(issuer: TokenIssuer, token: string, url: URL): Promise<AuthInfo> {
  const found = await issuer.introspect(token);
  if (found === undefined) throw new InvalidTokenError('The token is not valid');
  const { client_id, sub, scope = '', aud } = found;
  return {
    token,
    clientId: client_id,
    scopes: scope.split(' '),
    expiresAt: Math.floor(Date.now() / 1000) + TOKEN_LIFETIME_SECONDS,
    ...([aud].flat().includes(url.href) && { resource: url }),
    extra: { sub },
  };
}

function createMcpHandler(): Handler {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  return async (request, response) => {
    const known = sessions.get(request.get('mcp-session-id') ?? '');
    const transport = known ?? new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID });
    if (known === undefined) await createToolServer().connect(transport);
    await transport.handleRequest(request, response, request.body);
    if (transport.sessionId !== undefined) sessions.set(transport.sessionId, transport);
  };
}

function createToolServer(): McpServer {
  const server = new McpServer({ name: 'example-server', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Returns the name of the user.' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: String(authInfo?.extra?.sub) }],
  }));
  return server;
}
