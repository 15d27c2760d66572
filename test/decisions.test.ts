import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

const directory = join(root, 'docs/decisions');
const pages = readdirSync(directory).filter((name) => name !== 'README.md');
const table = readFileSync(join(directory, 'README.md'), 'utf8').split('\n');

it('numbers the records in one sequence', () => {
  expect(pages.map((name) => Number(name.slice(0, 3)))).toEqual(pages.map((_name, index) => index + 1));
});

describe.each(pages)('%s', (name) => {
  const text = readFileSync(join(directory, name), 'utf8');
  const [, number, title] = /^# (\d{3}): (.+)\n/.exec(text) ?? [];
  const date = /^- Date: (\d{4}-\d{2}-\d{2})$/m.exec(text)?.[1];
  const status = /^- Status: (accepted|superseded by \[\d{3}\]\([^)]+\))/m.exec(text)?.[1];

  it('has a title, a date, a status, and the sections of a record', () => {
    expect(name.slice(0, 3)).toBe(number);
    expect({ title, date, status }).toEqual({
      title: expect.any(String),
      date: expect.any(String),
      status: expect.any(String),
    });
    expect([...text.matchAll(/^## (.+)$/gm)].map((match) => match[1])).toEqual(['Context', 'Decision', 'Alternatives']);
  });

  it('is in the table of the README, with the same title, date and status', () => {
    const cells = table.find((line) => line.startsWith(`| [${number}](${name})`))?.split('|');
    expect(cells?.map((cell) => cell.trim()).slice(1, 5)).toEqual([`[${number}](${name})`, title, date, status]);
  });

  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https:)([^)#]+)[^)]*\)/g)].map((match) => match[1] ?? '');
    expect(links.filter((link) => !existsSync(join(directory, link)))).toEqual([]);
  });
});
