import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { growthOf } from '@oa-internal/testing';
import { joinMembers, splitMembers } from '../src/json-members.ts';

it('splits an object into its members, with every number and text as it was written', () => {
  const text = String.raw`{ "a" : 1e400, "b":[ 12345678901234567890 , -0, 1.0 ],
    "c": {"x:y": "{,}\"]", "d": [{}]}, "\u0065": " s p ", "__proto__": null, "": true }`;
  expect([...splitMembers(text)]).toEqual([
    ['a', '1e400'],
    ['b', '[12345678901234567890,-0,1.0]'],
    ['c', String.raw`{"x:y":"{,}\"]","d":[{}]}`],
    ['e', '" s p "'],
    ['__proto__', 'null'],
    ['', 'true'],
  ]);
  expect([...splitMembers(' {} ')]).toEqual([]);
});

it('property: the members of any object are its text', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 2), (object, indentation) => {
      const text = JSON.stringify(object, undefined, indentation);
      const members = splitMembers(text);
      expect([...members.keys()].toSorted()).toEqual(Object.keys(object).toSorted());
      expect(JSON.parse(joinMembers(members))).toEqual(JSON.parse(text));
      expect([...members.values()].some((value) => value.includes('\n'))).toBe(false);
    }),
  );
});

it.each<[string, (size: number) => string]>([
  ['many members', (size) => `{${Array.from({ length: size / 16 }, (_, index) => `"m${index}":0`).join(',')}}`],
  ['a long text of escapes', (size) => `{"a":"${String.raw`\"`.repeat(size / 2)}"}`],
  ['deep arrays', (size) => `{"a":${'['.repeat(size / 2)}${']'.repeat(size / 2)}}`],
])('splits an object with %s in linear time', async (_, createText) => {
  expect(await growthOf(createText, splitMembers)).toBeLessThan(1.5);
});
