import { expect, test } from 'vitest';
import { memoryAdapter } from '../src/memory.ts';

test('two requests that both read a token before either used it up: the second ends the grant', async () => {
  const { adapter } = memoryAdapter();
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
