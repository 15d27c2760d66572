import { expect, it } from 'vitest';
import { createMemoryStorage } from '../src/memory.ts';

it('revokes the grant when two requests consume the same token (RFC 9700 section 4.14.2)', async () => {
  const { adapter } = createMemoryStorage();
  const tokens = adapter('RefreshToken');
  await tokens.upsert('one', { grantId: 'g' });
  await adapter('AccessToken').upsert('other', { grantId: 'g' });
  await adapter('Grant').upsert('g', {});
  await tokens.consume('one');
  await expect(tokens.consume('one')).rejects.toMatchObject({ error: 'invalid_grant' });
  for (const [model, id] of [
    ['RefreshToken', 'one'],
    ['AccessToken', 'other'],
    ['Grant', 'g'],
  ] as const)
    expect(await adapter(model).find(id)).toBeUndefined();
});
