import { assertKeySource } from '@oa/types';
import { expect, it } from 'vitest';

it('accepts a key source, and does not ask it for its key', () => {
  const key = (): never => {
    throw new Error('asked');
  };
  expect(() => assertKeySource({ id: 'a', key }, 'options.encryption')).not.toThrow();
});

it.each([undefined, null, 'key', new Uint8Array(32), {}, { id: '', key: () => 1 }, { id: 5, key: () => 1 }])(
  'refuses %j, which has no id',
  (value) => {
    expect(() => assertKeySource(value, 'options.encryption')).toThrow(TypeError);
    expect(() => assertKeySource(value, 'options.encryption')).toThrow(/^options\.encryption must be a key source: /);
  },
);

it.each([{ id: 'a' }, { id: 'a', key: new Uint8Array(32) }])('refuses %j, which has no function key', (value) => {
  expect(() => assertKeySource(value, 'options.encryption')).toThrow(TypeError);
  expect(() => assertKeySource(value, 'options.encryption')).toThrow(/^options\.encryption must have a function key /);
});
