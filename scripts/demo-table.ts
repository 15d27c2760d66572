import { styleText } from 'node:util';

/** One step of the demo: what should have arrived at the servers, and what did. */
export interface Row {
  step: string;
  expected: string;
  measured: string;
}

export function isRight({ expected, measured }: Row): boolean {
  return expected === measured;
}

/** The exit code of the demo: a single count that is off makes it fail, and so does a step that is missing. */
export function exitCode(rows: readonly Row[], steps: number): number {
  return rows.length === steps && rows.every(isRight) ? 0 : 1;
}

/** The rows under each other, with a mark for each. Colours only where the terminal shows them. */
export function renderTable(rows: readonly Row[]): string {
  const lines = [['step', 'expected', 'measured', 'ok'], ...rows.map((row) => [row.step, row.expected, row.measured])];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const rendered = lines.map((line, index) => {
    const cells = widths.map((width, column) => (line[column] ?? '').padEnd(width));
    const row = rows[index - 1];
    const mark = row === undefined ? 'ok' : isRight(row) ? styleText('green', 'yes') : styleText('red', 'NO');
    return [...cells, mark].join('  ');
  });
  const rule = '─'.repeat([...widths, 3].reduce((sum, width) => sum + width + 2, -2));
  return [rendered[0], rule, ...rendered.slice(1)].join('\n');
}

/** Counts with their words, leaving out what did not happen: `1 metadata, 1 token, 1 API`. */
export function counts(numbers: Record<string, number>): string {
  const said = Object.entries(numbers).filter(([, count]) => count > 0);
  return said.map(([what, count]) => `${count} ${what}`).join(', ') || 'no request';
}
