import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';

/** The storage of the server. */
export interface MemoryStorage {
  adapter: (model: string) => Adapter;
  /** Deletes every entry of one kind. */
  forgetAll(model: string): void;
}

/**
 * Creates a storage in memory: one Map without a limit. The one of oidc-provider keeps 1,000 entries, which is too few
 * for a test with many tokens.
 */
export function createMemoryStorage(): MemoryStorage {
  const entries = new Map<string, AdapterPayload>();

  function search(model: string, member: 'uid' | 'userCode', value: string): AdapterPayload | undefined {
    for (const [key, payload] of entries) {
      if (key.startsWith(`${model}:`) && payload[member] === value) return payload;
    }
    return undefined;
  }

  function forgetGrant(grantId: string | undefined): void {
    if (grantId === undefined) return;
    entries.delete(`Grant:${grantId}`);
    for (const [key, payload] of entries) if (payload.grantId === grantId) entries.delete(key);
  }

  const adapter = (model: string): Adapter => ({
    async upsert(id, payload) {
      entries.set(`${model}:${id}`, payload);
    },
    async find(id) {
      return entries.get(`${model}:${id}`);
    },
    async findByUid(uid) {
      return search(model, 'uid', uid);
    },
    async findByUserCode(userCode) {
      return search(model, 'userCode', userCode);
    },
    async consume(id) {
      const payload = entries.get(`${model}:${id}`);
      // Two requests can both read the token before one of them consumes it. The second one is a reuse, and revokes
      // the whole grant (RFC 9700 section 4.14.2).
      if (payload === undefined || payload.consumed !== undefined) {
        forgetGrant(payload?.grantId);
        throw new errors.InvalidGrant('the token was used before');
      }
      payload.consumed = Math.floor(Date.now() / 1000);
    },
    async destroy(id) {
      entries.delete(`${model}:${id}`);
    },
    async revokeByGrantId(grantId) {
      forgetGrant(grantId);
    },
  });

  return {
    adapter,
    forgetAll(model) {
      for (const key of entries.keys()) if (key.startsWith(`${model}:`)) entries.delete(key);
    },
  };
}
