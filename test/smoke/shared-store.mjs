import { createSharedStore } from '@oa/shared-store';
import { tokenKey } from '@oa/token-cache';
import assert from 'node:assert/strict';

const texts = new Map();
const state = (digest) => ({ text: texts.get(digest) });
const engine = {
  read: async (digest) => state(digest),
  tryLock: async (digest) => ({
    state: state(digest),
    lock: {
      write: async (text) => {
        texts.set(digest, text);
        return true;
      },
      end: async () => undefined,
    },
  }),
};
const store = createSharedStore(engine, { place: 'The map of this program' });
const key = tokenKey({ issuer: 'https://as.example', client_id: 'tool', grant_type: 'client_credentials' });
const token = { access_token: 'a', token_type: 'Bearer' };
await store.lock(key, () => store.set(key, token));
assert.deepEqual(await store.get(key), token);
