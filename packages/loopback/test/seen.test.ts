import { expect, it } from 'vitest';
import { countIgnored, countSeen, createSeen, keepUnverified, toSeenText } from '../src/seen.ts';

it('says that no browser came, or that it did not come back', () => {
  expect(toSeenText(createSeen(), false)).toBe('No browser has opened the login here. No answer has arrived.');
  expect(toSeenText(createSeen(), true)).toBe('A browser was sent to the server. No answer has arrived.');
});

it('says what arrived instead of the answer, and nothing about requests that browsers send by themselves', () => {
  const seen = createSeen();
  for (const reason of ['state', 'path', 'host', 'headers', 'pasted', 'pasted', 'routine'] as const)
    countSeen(seen, reason);
  expect(toSeenText(seen, true)).toBe(
    'A browser was sent to the server. No answer to this login has arrived. 1 answer had no state or that of another login. ' +
      '1 request had too many cookies: delete those of 127.0.0.1 and localhost in the browser. ' +
      '2 pasted texts were not the address that the login ends on. 2 requests were no answer to a login.',
  );
  expect(countIgnored(seen)).toBe(4);
});

it('repeats the first three different answers that can not be verified', () => {
  const seen = createSeen();
  expect(['a', 'b', 'a', 'c', 'd'].map((text) => keepUnverified(seen, text))).toEqual([true, true, false, true, false]);
  expect(toSeenText(seen, false)).toContain(' Answers that could not be verified arrived: a; b; c.');
});
