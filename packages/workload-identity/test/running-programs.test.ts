import { expect, it, vi } from 'vitest';
import { addRunning, removeRunning } from '../src/running-programs.ts';

it('ends all programs that run when the process exits, with one listener', () => {
  const before = process.listeners('exit');
  const ends = [vi.fn<() => void>(), vi.fn<() => void>(), vi.fn<() => void>()] as const;
  for (const end of ends) addRunning(end);
  removeRunning(ends[1]);
  const added = process.listeners('exit').filter((listener) => !before.includes(listener));
  expect(added).toHaveLength(1);
  added[0]?.(0);
  expect(ends.map((end) => end.mock.calls.length)).toEqual([1, 0, 1]);
  for (const end of ends) removeRunning(end);
  expect(process.listeners('exit')).toEqual(before);
});
