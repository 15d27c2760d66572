import type { KoaContextWithOIDC } from 'oidc-provider';

/** One request that a server answered. */
export interface LoggedRequest {
  method: string;
  /** Without the query. */
  path: string;
  grant_type?: string;
  /** 0 until the answer is known. */
  status: number;
}

/** Middleware that notes every request in order of arrival. The note is complete before the answer is sent. */
export function requestLog(
  requests: LoggedRequest[],
): (ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void> {
  return async (ctx, next) => {
    const note: LoggedRequest = { method: ctx.method, path: ctx.path, status: 0 };
    requests.push(note);
    try {
      await next();
      note.status = ctx.status;
    } catch (error) {
      note.status = (error as { status?: number }).status ?? 500;
      throw error;
    } finally {
      const grantType = ctx.oidc?.body?.grant_type;
      if (typeof grantType === 'string') note.grant_type = grantType;
    }
  };
}
