import { createFetch } from '@oa/fetch';
import { createManager } from '@oa/manager';
import type { Job } from './flags.ts';

/** A `fetch` that carries the job's token: from the cache while it is fresh, else a new one by client credentials. */
export function jobFetch({ issuer, client_id, client_secret, scope, api }: Job): typeof fetch {
  const manager = createManager({ app: 'example-headless' });
  const source = manager.source(issuer, { client_id, client_secret, scope });
  return createFetch(source, { origins: [new URL(api).origin] });
}
