import { startScriptedServer, type Reply, type ScriptedServer } from '@oa-internal/scripted-server';

/** A token endpoint that rotates refresh tokens, and ends the session when one is used twice (RFC 9700 section 4.14.2). */
export interface RotatingServer {
  server: ScriptedServer;
  endpoint: string;
  /** How many refresh tokens were sent a second time. */
  reused: () => number;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a {@link RotatingServer}.
 *
 * @param delay milliseconds before each answer
 */
export async function startRotatingServer(delay: number): Promise<RotatingServer> {
  const used = new Set<string>();
  let issued = 0;
  let reused = 0;
  const server = await startScriptedServer({
    '/token': ({ form }): Reply => {
      const refresh = form.get('refresh_token');
      if (refresh !== null && used.has(refresh)) reused += 1;
      if (refresh !== null) used.add(refresh);
      if (reused > 0) return { status: 400, json: { error: 'invalid_grant' }, delay };
      issued += 1;
      const token = { access_token: `at-${issued}-s3cret`, token_type: 'Bearer', expires_in: 3600 };
      return { json: { ...token, refresh_token: `rt-${issued}-s3cret` }, delay };
    },
  });
  return {
    server,
    endpoint: `${server.origin}/token`,
    reused: () => reused,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
