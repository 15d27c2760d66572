import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';

export interface Memory {
  adapter: (model: string) => Adapter;
  /** Forgets every entry of one kind. */
  forgetAll(model: string): void;
}

/**
 * Where the server keeps everything: one Map that dies with it. (oidc-provider's own is an LRU of 1,000 entries,
 * which a test with many tokens overflows.)
 */
export function memoryAdapter(): Memory {
  const everything = new Map<string, AdapterPayload>();

  function search(model: string, member: 'uid' | 'userCode', value: string): AdapterPayload | undefined {
    for (const [key, payload] of everything) {
      if (key.startsWith(`${model}:`) && payload[member] === value) return payload;
    }
    return undefined;
  }

  function forgetGrant(grantId: string | undefined): void {
    if (grantId === undefined) return;
    everything.delete(`Grant:${grantId}`);
    for (const [key, payload] of everything) if (payload.grantId === grantId) everything.delete(key);
  }

  const adapter = (model: string): Adapter => ({
    async upsert(id, payload) {
      everything.set(`${model}:${id}`, payload);
    },
    async find(id) {
      return everything.get(`${model}:${id}`);
    },
    async findByUid(uid) {
      return search(model, 'uid', uid);
    },
    async findByUserCode(userCode) {
      return search(model, 'userCode', userCode);
    },
    async consume(id) {
      const payload = everything.get(`${model}:${id}`);
      // Two requests may both have read the token before either used it up: the second is a reuse like any other
      // (RFC 9700 section 4.14.2), and the whole grant goes.
      if (payload === undefined || payload.consumed !== undefined) {
        forgetGrant(payload?.grantId);
        throw new errors.InvalidGrant('already used');
      }
      payload.consumed = Math.floor(Date.now() / 1000);
    },
    async destroy(id) {
      everything.delete(`${model}:${id}`);
    },
    async revokeByGrantId(grantId) {
      forgetGrant(grantId);
    },
  });

  return {
    adapter,
    forgetAll(model) {
      for (const key of everything.keys()) if (key.startsWith(`${model}:`)) everything.delete(key);
    },
  };
}
