import { setTimeout as sleep } from 'node:timers/promises';
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
 * @param wait milliseconds before each answer, or what each answer waits for
 */
export async function startRotatingServer(wait: number | Promise<unknown>): Promise<RotatingServer> {
  const used = new Set<string>();
  let issued = 0;
  let reused = 0;
  const server = await startScriptedServer({
    '/token': async ({ form }): Promise<Reply> => {
      const refresh = form.get('refresh_token');
      if (refresh !== null && used.has(refresh)) reused += 1;
      if (refresh !== null) used.add(refresh);
      const refused = reused > 0;
      if (!refused) issued += 1;
      const count = issued;
      await (typeof wait === 'number' ? sleep(wait) : wait);
      if (refused) return { status: 400, json: { error: 'invalid_grant' } };
      const token = { access_token: `at-${count}-s3cret`, token_type: 'Bearer', expires_in: 3600 };
      return { json: { ...token, refresh_token: `rt-${count}-s3cret` } };
    },
  });
  return {
    server,
    endpoint: `${server.origin}/token`,
    reused: () => reused,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
