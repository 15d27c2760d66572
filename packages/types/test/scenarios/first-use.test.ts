import { expect, it, vi } from 'vitest';

const { built } = vi.hoisted(() => ({ built: [] as string[] }));

vi.mock('valibot', async (importOriginal) => {
  const original = await importOriginal<Record<string, unknown>>();
  const counted = Object.entries(original).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value];
    const call = (...args: unknown[]): unknown => {
      built.push(name);
      return (value as (...given: unknown[]) => unknown)(...args);
    };
    return [name, call];
  });
  return Object.fromEntries(counted) as Record<string, unknown>;
});

it('builds a schema at its first use, and once', async () => {
  const { clientSchema, tokenResponseSchema } = await import('@oa/types/schemas');
  expect([...new Set(built)]).toEqual(['lazy']);
  const countOf = (name: string): number => built.filter((each) => each === name).length;
  const body = { access_token: 'a', token_type: 'Bearer', expires_in: 3600, scope: 'a' };
  for (let use = 0; use < 3; use += 1) {
    expect(tokenResponseSchema['~standard'].validate(body)).toMatchObject({ value: body });
    expect(countOf('looseObject')).toBe(1);
  }
  expect(clientSchema['~standard'].validate({ client_id: 'c' })).toMatchObject({ value: { client_id: 'c' } });
  expect(countOf('looseObject')).toBe(2);
});
