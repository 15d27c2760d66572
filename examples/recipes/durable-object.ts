import { DurableObject } from 'cloudflare:workers';
import { createManager } from '@oa/manager';
import { tokenKey } from '@oa/token-cache';
import type { Store, Token } from '@oa/types';

interface Env {
  ISSUER: string;
  TOKEN_ENDPOINT: string;
  CLIENT_ID: string;
  API: string;
  SESSIONS: { getByName(name: string): Session };
}

/** One object has the refresh token of one session, and is the only one to use it. */
export class Session extends DurableObject<Env> {
  readonly #tokens = objectStore(this.ctx.storage);
  // Without `leeway` it would refresh in the background, when no call keeps the object in memory.
  readonly #manager = createManager({ cache: this.#tokens, interaction: 'never', leeway: 0 });
  readonly #server = { issuer: this.env.ISSUER, token_endpoint: this.env.TOKEN_ENDPOINT };
  readonly #client = { grant_type: 'authorization_code', client_id: this.env.CLIENT_ID } as const;

  /** Keeps the token of a login. The Worker that receives the callback of the login calls this. */
  async keep(token: Token): Promise<void> {
    await this.#tokens.set(tokenKey({ ...this.#client, issuer: this.env.ISSUER }), token);
  }

  /** Returns an access token. The refresh token does not leave the object. */
  async accessToken(): Promise<{ access_token: string } | { error: string; retryable: boolean }> {
    const result = await this.#manager.get(this.#server, this.#client, { minimumValidity: 60_000 });
    // Returned, because a thrown error arrives at the Worker without its members.
    if (!result.ok) return { error: result.error.code, retryable: result.error.retryable };
    return { access_token: result.value.access_token };
  }
}

/** A store in the storage of an object. It needs no `lock`: there is one object, and the manager lets its calls take turns. */
function objectStore(storage: DurableObjectStorage): Store<Token> {
  return {
    get: (key) => storage.get<Token>(key),
    async set(key, token) {
      // Written together, because nothing is waited for in between.
      await Promise.all([storage.put(key, token), storage.delete(signOf(key))]);
      await storage.sync();
    },
    delete: async (key) => storage.delete([key, signOf(key)]),
    async reserve(key) {
      const interrupted = (await storage.get(signOf(key))) !== undefined;
      await storage.put(signOf(key), true);
      await storage.sync(); // The request is sent when the sign is on the disk.
      return { interrupted, release: async () => interrupted || storage.delete(signOf(key)) };
    },
  };
}

function signOf(key: string): string {
  return `used ${key}`;
}

export default {
  async fetch(_request: Request, env: Env): Promise<Response> {
    const found = await env.SESSIONS.getByName('my-account').accessToken();
    if ('error' in found) return Response.json(found, { status: found.retryable ? 503 : 500 });
    return fetch(env.API, { headers: { authorization: `Bearer ${found.access_token}` } });
  },
};
