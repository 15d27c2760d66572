import { parseTokenKey, type StoredIdentity } from '@oa/token-cache';
import type { Token } from '@oa/types';
import type { Context } from './context.ts';

/** A stored token as a program may show it to its user: what it is for, and no secret. */
export interface StoredSession {
  issuer: string;
  /** Absent where the program has registered itself. */
  client_id?: string;
  grant_type: string;
  /** The scopes that the server granted, separated by spaces. */
  scope?: string;
  resource?: string[];
  audience?: string[];
  /** The label of the credentials that keeps accounts apart. */
  profile?: string;
  /** Seconds since the epoch. */
  expires_at?: number;
  /** Whether the session goes on after `expires_at` without a login. */
  has_refresh_token: boolean;
}

/** The stored tokens without their secrets, by issuer and profile. */
export async function listSessions(context: Context): Promise<StoredSession[]> {
  const found: StoredSession[] = [];
  for await (const [key, identity] of storedIdentities(context)) {
    const token = await context.tokens.get(key);
    if (token !== undefined) found.push(toStoredSession(identity, token));
  }
  return found.toSorted((a, b) => compareTexts(a.issuer, b.issuer) || compareTexts(a.profile, b.profile));
}

function compareTexts(a = '', b = ''): number {
  return a < b ? -1 : Number(a > b);
}

function toStoredSession(identity: StoredIdentity, token: Token): StoredSession {
  const { issuer, client_id, grant_type, resource, audience, profile } = identity;
  const scope = grantedScope(identity, token);
  return {
    issuer,
    grant_type,
    has_refresh_token: token.refresh_token !== undefined,
    ...(client_id !== undefined && { client_id }),
    ...(scope !== undefined && { scope }),
    ...(resource !== undefined && { resource }),
    ...(audience !== undefined && { audience }),
    ...(profile !== undefined && { profile }),
    ...(token.expires_at !== undefined && { expires_at: token.expires_at }),
  };
}

/** Tokens of earlier versions do not say what was granted where that is what was asked for. */
export function grantedScope({ scope }: StoredIdentity, token: Token): string | undefined {
  return token.scope ?? scope?.join(' ');
}

/**
 * The keys of all stored tokens, and what they say. Other keys of a store that the program shares with other values are left out.
 *
 * @throws {TypeError} if the store can't list its keys
 */
export async function* storedIdentities({ tokens }: Context): AsyncGenerator<[key: string, StoredIdentity]> {
  if (tokens.keys === undefined)
    throw new TypeError('options.cache has no method keys, so its sessions can not be listed. A Map has one.');
  for await (const key of tokens.keys()) {
    const identity = parseTokenKey(key);
    if (identity !== undefined) yield [key, identity];
  }
}
