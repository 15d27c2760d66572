import type { KeySource } from '@oa/types';

/** A key whose bytes are all `value`, and how often it was asked for. */
export interface TestKey extends KeySource {
  asked: number;
}

export function testKey(id: string, value = 1): TestKey {
  const source: TestKey = {
    id,
    asked: 0,
    key: async () => {
      source.asked += 1;
      return new Uint8Array(32).fill(value);
    },
  };
  return source;
}
