import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { decodeProtectedHeader } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';

/** One request to a server. */
export interface LoggedRequest {
  method: string;
  /** The path without the query. */
  path: string;
  grant_type?: string;
  /** The client that the server has recognised. */
  client_id?: string;
  /** How the request named its client, at the endpoints that take a form: the method, for an assertion with its algorithm. */
  authentication?: string;
  /** The SHA-256 of the refresh token of the request. */
  refreshTokenDigest?: string;
  /** The status of the response, 0 before it. */
  status: number;
}

/** Middleware that records every request in the order of arrival. A record is complete before the response is sent. */
export function requestLog(
  requests: LoggedRequest[],
): (ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void> {
  return async (ctx, next) => {
    const entry: LoggedRequest = { method: ctx.method, path: ctx.path, status: 0 };
    requests.push(entry);
    try {
      await next();
      entry.status = ctx.status;
    } catch (error) {
      entry.status = (error as { status?: number }).status ?? 500;
      throw error;
    } finally {
      const { body, client } = ctx.oidc ?? {};
      if (typeof body?.grant_type === 'string') entry.grant_type = body.grant_type;
      if (typeof body?.['refresh_token'] === 'string') entry.refreshTokenDigest = hash('sha256', body['refresh_token']);
      if (client !== undefined) entry.client_id = client.clientId;
      if (body !== undefined) entry.authentication = authenticationIn(ctx.req, body);
    }
  };
}

function authenticationIn({ headers, socket }: IncomingMessage, body: Record<string, unknown>): string {
  const used: string[] = [];
  if (headers.authorization?.startsWith('Basic ') === true) used.push('client_secret_basic');
  if (body['client_secret'] !== undefined) used.push('client_secret_post');
  const { client_assertion } = body;
  if (typeof client_assertion === 'string') used.push(`assertion ${algorithmOf(client_assertion)}`);
  if ('getPeerX509Certificate' in socket && (socket as TLSSocket).getPeerX509Certificate() !== undefined)
    used.push('certificate');
  return used.join(' and ') || 'none';
}

function algorithmOf(jwt: string): string {
  try {
    return String(decodeProtectedHeader(jwt).alg);
  } catch {
    return 'unknown';
  }
}
