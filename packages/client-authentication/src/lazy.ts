import { createLoader } from '@oa/mechanisms';
import type { ClientAuthentication } from './types.ts';

type Assertions = typeof import('./assertions.ts');

/** Loads what makes assertions. A program without them does not need it. */
export const loadAssertions: () => Promise<Assertions> = createLoader(() => import('./assertions.ts'));

/** Makes a function for the option `authentication`, whose code is loaded with the first request. */
export function lazyAuthentication(create: (assertions: Assertions) => ClientAuthentication): ClientAuthentication {
  let created: ClientAuthentication | undefined;
  return async (request) => {
    const assertions = await loadAssertions();
    // There is no `await` between the check and the assignment: all requests share one key.
    created ??= create(assertions);
    return created(request);
  };
}
