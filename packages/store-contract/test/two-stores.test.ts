import { runNodeTests } from '@oa-internal/testing';
import { storeContract } from '@oa/store-contract';
import { expect, it } from 'vitest';

const TWO_STORES = new URL('two-stores.ts', import.meta.url);
const TITLE = 'loses no update of several processes on one key';
const nodeOptions = [`--test-name-pattern=${TITLE}`];

it('tests each store of a file in processes of its own', async () => {
  const { code, passed, failed } = await runNodeTests(TWO_STORES, { nodeOptions });
  expect({ code, passed, failed }).toEqual({ code: 0, passed: [TITLE, TITLE], failed: [] });
});

it('skips the cases for which an option is missing, and says so', async () => {
  const options = { nodeOptions: ['--test-name-pattern=an engine that is away|a damaged value'] };
  const { code, skipped } = await runNodeTests(TWO_STORES, options);
  expect(code).toBe(0);
  expect(new Set(Object.values(skipped))).toEqual(
    new Set(['The option kill is missing.', 'The option corrupt is missing.']),
  );
});

it('reports what open of another process throws', async () => {
  const env = { ...process.env, OA_UNREACHABLE: '1' };
  const { code, failed, output } = await runNodeTests(TWO_STORES, { env, nodeOptions });
  expect({ code, failed }).toEqual({ code: 1, failed: [TITLE, TITLE] });
  expect(output).toContain('The address of the engine is wrong.');
});

const nothing = (): void => undefined;

it.each([
  [{}, 'The option open of storeContract must be a function.'],
  [{ open: nothing, kill: true }, 'The option kill of storeContract must be a function.'],
  [{ open: nothing, corrupt: 'all' }, 'The option corrupt of storeContract must be a function.'],
])('refuses the options %j with a TypeError', (options, message) => {
  expect(() => storeContract(options as never)).toThrow(TypeError);
  expect(() => storeContract(options as never)).toThrow(message);
});
