import type { ClientAuthentication } from '@oa/client-authentication';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { isOAuthError, OAuthError, type StoreReservation } from '@oa/types';

/**
 * The options of a request that is sent only while the lock is held. The lock of a shared store can end by itself, so it is looked at right
 * before each request goes out, after the client is authenticated: a signature can take long, and the process can be stopped.
 */
export function toHeldNetwork(
  network: TokenEndpointOptions,
  assertHeld: StoreReservation['assertHeld'],
): TokenEndpointOptions {
  if (assertHeld === undefined) return network;
  const { authentication } = network;
  const fetchHeld = (fetch: TokenEndpointOptions['fetch']): typeof globalThis.fetch =>
    function fetchWhileHeld(...parameters) {
      assertNotSent(assertHeld);
      return (fetch ?? globalThis.fetch)(...parameters);
    };
  // The certificate of a client comes with a `fetch` of its own.
  const authenticateHeld: ClientAuthentication | undefined =
    typeof authentication === 'function'
      ? async (request) => {
          const authenticated = await authentication(request);
          if (authenticated?.fetch === undefined) return authenticated;
          return { ...authenticated, fetch: fetchHeld(authenticated.fetch) };
        }
      : undefined;
  return { ...network, fetch: fetchHeld(network.fetch), authentication: authenticateHeld ?? authentication };
}

/** Without an answer, a refresh token counts as used. This request was not sent. */
function assertNotSent(assertHeld: () => void): void {
  try {
    assertHeld();
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    throw new OAuthError(error.code, error.message, { ...error.toJSON(), sent: false });
  }
}
