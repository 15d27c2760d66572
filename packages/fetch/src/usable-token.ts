import type { Dpop } from '@oa/dpop';
import { abortable, createLoader } from '@oa/mechanisms';
import { OAuthError, type DpopKey, type Token, type TokenSource } from '@oa/types';
import type { NextTokenOptions } from './refusal.ts';

const loadDpop = createLoader(() => import('@oa/dpop'));

/** A token that a request can carry. */
export interface UsableToken {
  access_token: string;
  /** Makes the proofs of a token of type DPoP. `undefined` for a Bearer token. */
  dpop: Dpop | undefined;
}

/** Asks a source for a token. An abort ends the wait, even if the source ignores the signal. */
export type ObtainToken = (signal: AbortSignal | null | undefined, options: NextTokenOptions) => Promise<UsableToken>;

/** Creates a function that asks `source` for a token that @oa/fetch can send: a Bearer token, or a DPoP token with its key. */
export function createTokenReader(source: TokenSource): ObtainToken {
  /** The key of the last token. It is imported once, because most sources have one. */
  let last: { text: string; dpop: Promise<Dpop> } | undefined;

  async function proverOf(key: DpopKey): Promise<Dpop> {
    const text = JSON.stringify(key);
    if (last?.text !== text) {
      last = { text, dpop: importKey(key) };
    }
    return last.dpop;
  }

  return async (signal, options) => {
    signal?.throwIfAborted();
    const token = await abortable(source({ signal: signal ?? undefined, ...options }), signal);
    const { access_token, token_type, dpop_key } = token;
    if (!isSendable(token)) throw unsupportedType(token_type);
    // `Headers` would refuse it too, but its error shows the token.
    if (!/^[\x21-\x7e]+$/.test(access_token))
      throw new OAuthError(
        'invalid_response',
        'The access token is empty, or has characters that an HTTP header can not have. Check the token that the source returns.',
      );
    return { access_token, dpop: isDpop(token) && dpop_key !== undefined ? await proverOf(dpop_key) : undefined };
  };
}

async function importKey(key: DpopKey): Promise<Dpop> {
  const { createDpop } = await loadDpop();
  const dpop = await createDpop(key).catch(() => undefined);
  if (dpop !== undefined) return dpop;
  // A TypeError would look like a failure of the network to clients on top of `fetch`.
  throw new OAuthError(
    'invalid_response',
    'The member `dpop_key` of the token is no private P-256 key as a JWK. Check the token that the source returns.',
  );
}

/** RFC 6749 section 7.1: a client must not use a token whose type it does not understand. */
function isSendable(token: Token): boolean {
  return token.token_type.toLowerCase() === 'bearer' || (isDpop(token) && token.dpop_key !== undefined);
}

function isDpop({ token_type }: Token): boolean {
  return token_type.toLowerCase() === 'dpop';
}

function unsupportedType(type: string): OAuthError {
  const name = type.toLowerCase();
  if (name === 'dpop')
    return new OAuthError(
      'unsupported_token_type',
      'The token is bound to a DPoP key, and its member `dpop_key` is missing. Return the token with the key that it was requested with.',
    );
  if (name === 'n_a')
    return new OAuthError(
      'unsupported_token_type',
      'The token is no access token (token_type N_A, RFC 8693 section 2.2.1), so it is not sent to an API. Get an access token for it first, such as with jwtBearer or exchangeToken of @oa/assertion-grants.',
    );
  return new OAuthError(
    'unsupported_token_type',
    'The token is neither a Bearer token nor a DPoP token, and @oa/fetch can send no other type. Ask the server for one of these.',
  );
}
