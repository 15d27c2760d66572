import type { RecordedRequest, Reply } from '@oa-internal/scripted-server';
import { createDpopKey } from '@oa/dpop';
import type { DpopKey, Token, TokenSource, TokenSourceOptions } from '@oa/types';
import { createHash } from 'node:crypto';
import { EmbeddedJWK, jwtVerify, type JWTPayload } from 'jose';

/** A source of DPoP tokens: token-1 until it is rejected, then token-2, and so on. */
export interface DpopSource {
  source: TokenSource;
  key: DpopKey;
  /** The options of each call, without the signal. */
  asked: TokenSourceOptions[];
}

/** Creates a source whose tokens all have one new key. */
export async function createDpopSource(): Promise<DpopSource> {
  const key = await createDpopKey();
  const asked: TokenSourceOptions[] = [];
  let current = 1;
  const source = async (options: TokenSourceOptions = {}): Promise<Token> => {
    const { signal: _, ...others } = options;
    asked.push(others);
    if (options.rejected === `token-${current}`) current += 1;
    // As from a file: another object each time.
    return { access_token: `token-${current}`, token_type: 'DPoP', dpop_key: { ...key } };
  };
  return { source, key, asked };
}

/** Verifies the proof of a request as a resource server does (RFC 9449 section 4.3), and returns its claims. */
export async function verifyRequest(request: RecordedRequest, origin: string): Promise<JWTPayload> {
  const { payload } = await jwtVerify(String(request.headers['dpop']), EmbeddedJWK, {
    typ: 'dpop+jwt',
    algorithms: ['ES256'],
  });
  const [scheme, accessToken = ''] = request.headers.authorization?.split(' ') ?? [];
  const ath = createHash('sha256').update(accessToken).digest('base64url');
  const expected = ['DPoP', request.method, `${origin}${request.path}`, ath];
  const found = [scheme, payload['htm'], payload['htu'], payload['ath']];
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`The proof does not match its request: ${JSON.stringify({ found, expected })}`);
  return payload;
}

/** A refusal of the proof, which asks for a nonce. */
export const nonceNeeded = (nonce: string): Reply => ({
  status: 401,
  headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce", algs="ES256"', 'dpop-nonce': nonce },
});
