import {
  type RecordedRequest,
  type Reply,
  startScriptedServer,
  type ScriptedServer,
} from '@oa-internal/scripted-server';
import type { AuthorizationServer } from '@oa/types';
import { decodeJwt, jwtVerify, type CryptoKey, type JWTPayload, type JWTHeaderParameters } from 'jose';
import { token } from './requests.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** An assertion that the server has accepted. */
interface Accepted {
  payload: JWTPayload;
  header: JWTHeaderParameters;
}

/** A server that accepts an assertion only if all of it is right, and says what is wrong. */
export interface StrictServer {
  scripted: ScriptedServer;
  metadata: AuthorizationServer;
  accepted: Accepted[];
  [Symbol.asyncDispose](): Promise<void>;
}

interface Strictness {
  /** Verifies the signatures. */
  key: CryptoKey | Uint8Array;
  /** @default the issuer */
  audience?: string;
  /** Comes before the check of the assertion. */
  script?: (request: RecordedRequest, index: number) => Reply | undefined;
  metadata?: Partial<AuthorizationServer>;
}

let issuers = 0;

/** Starts a server that demands what RFC 7523 section 3 and draft-ietf-oauth-rfc7523bis say. */
export async function startStrictServer({ key, audience, script, metadata }: Strictness): Promise<StrictServer> {
  issuers += 1;
  const issuer = `https://strict.example/${issuers}`;
  const accepted: Accepted[] = [];
  const seen = new Set<unknown>();
  const check = async ({ form, headers }: RecordedRequest): Promise<void> => {
    if (headers.authorization !== undefined) throw new Error('Two methods of authentication.');
    if (form.get('client_assertion_type') !== JWT_BEARER) throw new Error('Another client_assertion_type.');
    const assertion = form.get('client_assertion') ?? '';
    const { iat = 0, exp = 0 } = decodeJwt(assertion);
    const { payload, protectedHeader } = await jwtVerify(assertion, key, {
      issuer: 'my client',
      subject: 'my client',
      typ: 'client-authentication+jwt',
      requiredClaims: ['jti', 'iat', 'exp', 'aud'],
      currentDate: new Date(iat * 1000),
    });
    if (payload.aud !== (audience ?? issuer)) throw new Error('Another audience.');
    if (form.get('client_id') !== 'my client') throw new Error('Another client_id.');
    if (exp - iat > 300) throw new Error('A lifetime of more than 5 minutes.');
    if (seen.has(payload.jti)) throw new Error('The jti was used before.');
    seen.add(payload.jti);
    accepted.push({ payload, header: protectedHeader });
  };
  const scripted = await startScriptedServer(async (request, index) => {
    try {
      await check(request);
    } catch (error) {
      return { status: 401, json: { error: 'invalid_client', error_description: (error as Error).message } };
    }
    return script?.(request, index) ?? { json: token };
  });
  return {
    scripted,
    metadata: { issuer, token_endpoint: `${scripted.origin}/token`, ...metadata },
    accepted,
    [Symbol.asyncDispose]: () => scripted.close(),
  };
}
