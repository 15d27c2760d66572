import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';
import { readErrors, readEvents, renderErrors, renderEvents } from '../scripts/reference.ts';

const errors = readErrors();
const events = [...readEvents().values()].flat();

it('docs/errors.md and docs/events.md are what `pnpm reference` writes', () => {
  expect(readFileSync(join(root, 'docs/errors.md'), 'utf8')).toBe(renderErrors(errors));
  expect(readFileSync(join(root, 'docs/events.md'), 'utf8')).toBe(renderEvents(readEvents()));
});

it('every error code has a meaning, a cause and a cure, each a sentence', () => {
  expect(errors.length).toBeGreaterThan(20);
  const incomplete = errors.filter(({ meaning, cause, cure }) => ![meaning, cause, cure].every(isSentence));
  expect(incomplete.map(({ code }) => code)).toEqual([]);
});

it('every event has a sentence', () => {
  expect(events.length).toBeGreaterThan(20);
  expect(events.filter(({ text }) => !isSentence(text)).map(({ type }) => type)).toEqual([]);
});

function isSentence(text: string): boolean {
  return /^[A-Z`].*\.$/.test(text);
}
