import { attempt, type Result, type Token, type TokenSource, type TokenSourceOptions } from '@oa/types';
import { createContext, type Context } from './context.ts';
import type { Credentials, Target } from './credentials.ts';
import { abortable, shared } from './flight.ts';
import { isEarly, isFresh } from './freshness.ts';
import type { ManagerOptions } from './options.ts';
import { openSession, unite, type Session } from './session.ts';

/** Hands out tokens: cached, else refreshed, else obtained. Any number of issuers, clients and scopes. */
export interface Manager {
  /**
   * A valid token, or the OAuthError that came instead: no failure of transport, HTTP, decoding, storage or login rejects.
   * Wrong arguments are a TypeError, and an abort rejects with the signal's own reason.
   */
  get(target: Target, credentials: Credentials, options?: TokenSourceOptions): Promise<Result<Token>>;
  /** The same, rejecting with the OAuthError. */
  getToken(target: Target, credentials: Credentials, options?: TokenSourceOptions): Promise<Token>;
  /** A function that hands out tokens of these credentials, for `createFetch` of `@oa/fetch` and the like. */
  source(target: Target, credentials: Credentials): TokenSource;
  /** Revokes the token at the server (RFC 7009) and forgets it here, also where the server can't be reached. */
  logout(target: Target, credentials: Credentials, options?: { signal?: AbortSignal }): Promise<Result<void>>;
}

/**
 * Creates a manager. Nothing is read, opened or loaded before the first call.
 *
 * @throws TypeError for an unknown or impossible option
 */
export function createManager(options: ManagerOptions = {}): Manager {
  const context = createContext(options);
  const getToken: Manager['getToken'] = async (target, credentials, wanted = {}) =>
    tokenOf(context, await abortable(openSession(context, target, credentials, wanted.scope), wanted.signal), wanted);
  return {
    getToken,
    get: (target, credentials, wanted) => attempt(getToken(target, credentials, wanted)),
    source: (target, credentials) => remembering((wanted) => getToken(target, credentials, wanted)),
    logout: async (target, credentials, wanted) => {
      const { logout } = await import('./logout.ts');
      const session = await attempt(abortable(openSession(context, target, credentials), wanted?.signal));
      return session.ok ? logout(context, session.value, wanted?.signal) : session;
    },
  };
}

async function tokenOf(context: Context, session: Session, wanted: TokenSourceOptions): Promise<Token> {
  wanted.signal?.throwIfAborted();
  const seen = await context.cache.get(session.key);
  if (seen !== undefined && isFresh(context, seen, wanted)) {
    context.emit({ type: 'cache_hit', issuer: session.issuer });
    if (isEarly(context, session, seen))
      void import('./renew.ts').then(({ renewEarly }) => renewEarly(context, session, seen));
    return seen;
  }
  // Loaded when first needed: who has a fresh token is done.
  const { renew } = await import('./renew.ts');
  for (;;) {
    const joining = context.flights.has(session.key);
    const token = await shared(context, session.key, wanted.signal, (signal) =>
      renew(context, session, { seen, wanted, signal }),
    );
    // What others wanted may be the very token that this caller has just seen rejected.
    if (!joining || token.access_token !== wanted.rejected) return token;
  }
}

/**
 * How often a resource server may ask one source for more scopes. Each time can be a login, and is a token of its own on the disk:
 * one that asks for something else in every answer is not to go on for ever.
 */
const MOST_STEPS = 20;

/** Once a resource server has asked for more scopes, they are asked for with every token of this source. */
function remembering(source: TokenSource): TokenSource {
  let scope: string | undefined;
  let last: Token | undefined;
  let steps = 0;
  return async (wanted = {}) => {
    if (wanted.scope !== undefined && steps < MOST_STEPS) {
      const wider = unite(scope ?? last?.scope, wanted.scope);
      if (wider !== scope) steps += 1;
      scope = wider;
    }
    last = await source(scope === undefined ? wanted : { ...wanted, scope });
    return last;
  };
}
