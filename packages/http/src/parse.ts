import { parseJson } from '@oa/mechanisms';

/** No OAuth document is nested deeper. Deeper nesting overflows the stack of code that walks through the value or serialises it. */
const MAX_NESTED_LEVELS = 64;

/** Parses JSON. Returns `undefined` for other text, and for JSON that is nested too deeply. */
export function parseBoundedJson(text: string): unknown {
  const json = parseJson(text);
  return isDeeperThan(json, MAX_NESTED_LEVELS) ? undefined : json;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
