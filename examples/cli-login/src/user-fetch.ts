import { createFetch } from '@oa/fetch';
import { createManager, type ManagerOptions } from '@oa/manager';
import type { Target } from './flags.ts';

/** Creates a `fetch` that carries the user's token: cached, else refreshed, else from a login in the browser. */
export function createUserFetch({ issuer, api, ...client }: Target, login: ManagerOptions['login'] = {}): typeof fetch {
  const manager = createManager({ app: 'example-cli-login', login });
  // Without a client_id the program registers itself once, if the server allows that.
  return createFetch(manager.source(issuer, client), { origins: [new URL(api).origin] });
}
