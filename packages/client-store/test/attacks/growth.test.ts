import { growthOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { isFittingClient } from '../../src/fits.ts';
import { toClient } from '../../src/members.ts';

it.each<[string, (size: number) => object]>([
  [
    'many members',
    (size) => Object.fromEntries(Array.from({ length: size / 16 }, (_, index) => [`member-${index}`, ''])),
  ],
  ['many redirect URIs', (size) => ({ redirect_uris: Array.from({ length: size / 16 }, (_, index) => `a:${index}`) })],
  [
    'long members',
    (size) => ({ client_secret: 's'.repeat(size), redirect_uris: [`http://127.0.0.1:${'0'.repeat(size)}/`] }),
  ],
])('reads an entry with %s in linear time', async (_name, createMembers) => {
  const needs = { redirect_uris: ['http://127.0.0.1/callback'], now: () => 0 };
  const growth = await growthOf(createMembers, (members) => {
    const client = toClient({ client_id: 'c', ...members });
    return client !== undefined && isFittingClient(client, needs);
  });
  // The exponent of the growth is about 1 for linear work, and 2 for quadratic work.
  expect(growth).toBeLessThan(1.5);
});
