import { expect, it } from 'vitest';
import { parseQuery } from '../src/query.ts';

it.each(['', 'a', 'a=', 'a=b', 'a=b=c', '=b', 'a&b&c=d', '%61=%20&+', '?a=b', '%3Fa', 'a=é'])(
  'parses %j as URLSearchParams does',
  (query) => {
    const expected = [...new URLSearchParams(`&${query}`)];
    expect([...parseQuery(query)]).toEqual(query === '' ? [['', '']] : expected);
  },
);

it('returns one parameter for each part', () => {
  expect([...parseQuery('&a&&=&b=1&').keys()]).toEqual(['', 'a', '', '', 'b', '']);
});
