import type { Token } from '@oa/types';
import type { ContractStore } from './options.ts';

/** Makes a token that is told from others by its text. */
export function tokenNamed(text: string): Token {
  return { access_token: text, token_type: 'Bearer' };
}

/** Makes the key of a token, as `tokenKey` of `@oa/token-cache` does. */
export function keyOf(client_id: string = 'client', issuer: string = 'https://as.example', scope?: string[]): string {
  return JSON.stringify({ issuer, client_id, grant_type: 'authorization_code', scope });
}

/** Reads the counter of a key, and stores the next number. Without mutual exclusion, increments are lost. */
export async function increment(store: ContractStore, key: string): Promise<void> {
  const count = await readCount(store, key);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await store.set(key, { ...tokenNamed('counter'), count: count + 1 });
}

/** The number that {@link increment} has stored last. */
export async function readCount(store: ContractStore, key: string): Promise<number> {
  const token = await store.get(key);
  return token === undefined ? 0 : Number(token['count']);
}

/** A token with what servers send besides the members of the specification. */
export const FULL_TOKEN: Token = {
  access_token: 'at',
  token_type: 'DPoP',
  expires_at: 1_900_000_000.5,
  expires_in: 3600,
  refresh_token: 'rt',
  scope: 'read write',
  id_token: 'a.b.c',
  'x:unknown': { nested: [1, -1.5, 1e-7, true, false, null, '', [], {}] },
  '': 'a member without a name',
  unicode: 'Zoë, e\u0301, \u4F60\u597D, \u{1F511}, \u202E, \u2028, \u0000, \uD800, ", \\, \', %, $1, {}',
};

/** Numbers that JSON can express and `JSON.stringify` can't. A server that sends `1e400` means a token that does not expire. */
export const EXTREME_TOKEN: Token = { ...tokenNamed('at'), expires_in: Number.POSITIVE_INFINITY, zero: -0 };
