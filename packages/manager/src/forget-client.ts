import { hasTwoSpellings } from '@oa/types/rfc';
import type { Context } from './context.ts';
import type { Target } from './credentials.ts';
import { resolveTarget } from './target.ts';

/** Forgets the clients that were registered at the issuer of `target`. Only the copy here is removed. */
export async function forgetClient(context: Context, target: Target): Promise<void> {
  const { issuer } = await resolveTarget(context, target, {}, {});
  const clients = await context.clients();
  for (const spelling of hasTwoSpellings(issuer) ? [issuer, `${issuer}/`] : [issuer]) {
    context.unwrittenClients.delete(spelling);
    await (await context.refusedDocuments()).remove(spelling);
    await clients.remove(spelling);
  }
}
