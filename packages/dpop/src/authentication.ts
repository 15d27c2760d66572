import {
  assertAuthentication,
  type AuthenticatedRequest,
  type AuthenticationOption,
  type ClientAuthentication,
} from '@oa/client-authentication';
import type { Dpop } from './dpop.ts';

/** The errors of a server that did not accept the proof (RFC 9449 sections 5 and 8). It has looked at nothing else, or will do so again. */
const REFUSED_PROOF_ERRORS: ReadonlySet<string | undefined> = new Set(['use_dpop_nonce', 'invalid_dpop_proof']);

/** Creates the {@link Dpop.authentication} of a key. */
export function createProofAuthentication(
  { proof, learnFrom }: Pick<Dpop, 'proof' | 'learnFrom'>,
  inner: AuthenticationOption | undefined,
): ClientAuthentication {
  assertAuthentication(inner);

  async function authenticateInner(request: Parameters<ClientAuthentication>[0]): Promise<Inner> {
    if (typeof inner === 'function') return inner(request);
    // The built-in methods have no answer to a refusal. `@oa/client-authentication` tries the others.
    return request.refusal === undefined ? { builtIn: inner ?? true } : undefined;
  }

  return async (request) => {
    const { url, refusal } = request;
    const isProofRefused = REFUSED_PROOF_ERRORS.has(refusal?.error);
    if (refusal !== undefined && isProofRefused && !mayAcceptAnother(refusal)) return undefined;
    // The server did not refuse the rest of the request. An assertion in it may count as used, so it is made anew.
    const own = await authenticateInner(isProofRefused ? { ...request, refusal: undefined } : request);
    if (own === undefined && refusal !== undefined && !isProofRefused) return undefined;
    // A client with a certificate has an endpoint of its own.
    const dpop = await proof({ method: 'POST', url: own?.url ?? url });
    return {
      ...own,
      headers: { ...own?.headers, dpop },
      token_type: 'DPoP',
      onResponse: (response) => {
        learnFrom(dpop, response);
        own?.onResponse?.(response);
      },
    };
  };

  function mayAcceptAnother({ status, headers, authenticated }: Refusal): boolean {
    const refused = authenticated?.headers?.['dpop'];
    return refused === undefined ? headers.has('dpop-nonce') : learnFrom(refused, { status, headers });
  }
}

type Inner = AuthenticatedRequest | undefined;
type Refusal = NonNullable<Parameters<ClientAuthentication>[0]['refusal']>;
