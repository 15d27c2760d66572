import type { KoaContextWithOIDC } from 'oidc-provider';

/** One request to a server. */
export interface LoggedRequest {
  method: string;
  /** The path without the query. */
  path: string;
  grant_type?: string;
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
      const grantType = ctx.oidc?.body?.grant_type;
      if (typeof grantType === 'string') entry.grant_type = grantType;
    }
  };
}
