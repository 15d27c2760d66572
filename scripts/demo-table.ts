import { styleText } from 'node:util';

/** One step of the demo: the requests that must arrive at the servers, and those that did. */
export interface Row {
  step: string;
  expected: string;
  measured: string;
}

export function isRight({ expected, measured }: Row): boolean {
  return expected === measured;
}

/** The exit code of the demo: 1 if a count is wrong or if a step is missing. */
export function exitCode(rows: readonly Row[], steps: number): number {
  return rows.length === steps && rows.every(isRight) ? 0 : 1;
}

/** The rows as a table with a mark for each. Colours only if the terminal shows them. */
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

/** Counts with their names, without the zeros: `1 metadata, 1 token, 1 API`. */
export function countsText(counts: Record<string, number>): string {
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  return shown.map(([name, count]) => `${count} ${name}`).join(', ') || 'no request';
}
