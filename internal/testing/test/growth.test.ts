import { growthOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';

const createText = (size: number): string => 'x'.repeat(size);

it('tells linear from quadratic growth', async () => {
  // It allocates nothing: the time of large arrays jumps when the memory for them is looked for.
  const linear = await growthOf(createText, (text) => /y/.test(text));
  // Without a "y" the search starts again at each character, and runs to the end.
  const quadratic = await growthOf(createText, (text) => /x+y/.test(text));
  expect(linear).toBeLessThan(1.5);
  expect(quadratic).toBeGreaterThan(1.5);
});
