import { createFetch } from '@oa/fetch';
import { createManager } from '@oa/manager';
import type { Job } from './flags.ts';

/** Creates a `fetch` that carries the job's token: cached while it is fresh, else from the client credentials grant. */
export function createJobFetch({ issuer, client_id, client_secret, scope, api }: Job): typeof fetch {
  const manager = createManager({ app: 'example-headless' });
  const source = manager.source(issuer, { client_id, client_secret, scope });
  return createFetch(source, { origins: [new URL(api).origin] });
}
