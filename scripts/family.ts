// Writes the family table into every README, between the `family` markers. `--check` only says whether one is stale.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packages, root } from './packages.ts';

const MARK = /<!-- family -->\n(?:[\s\S]*?<!-- \/family -->\n)?/;

const ORDER = [
  '@oa/manager',
  '@oa/fetch',
  '@oa/pkce',
  '@oa/device-code',
  '@oa/client-credentials',
  '@oa/discovery',
  '@oa/registration',
  '@oa/token-cache',
  '@oa/client-store',
  '@oa/token-endpoint',
  '@oa/http',
  '@oa/private-file',
  '@oa/types',
];

function table(self: string): string {
  const sorted = packages.toSorted((a, b) => ORDER.indexOf(a.manifest.name) - ORDER.indexOf(b.manifest.name));
  const rows = sorted.map(({ folder, manifest }): [string, string] => {
    const path = `${self === root ? 'packages' : '..'}/${basename(folder)}`;
    return [self === folder ? `**${manifest.name}**` : `[${manifest.name}](${path}#readme)`, manifest.description];
  });
  return `<!-- family -->\n\n${markdownTable([['package', 'what it is for'], ...rows])}\n\n<!-- /family -->\n`;
}

/** With its columns aligned, as the formatter wants them. */
function markdownTable(rows: [string, string][]): string {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[], fill: string): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |`;
  const [head = ['', ''], ...body] = rows;
  return [line(head, ' '), line(['', ''], '-'), ...body.map((row) => line(row, ' '))].join('\n');
}

let stale = 0;
for (const folder of [root, ...packages.map((one) => one.folder)]) {
  const path = join(folder, 'README.md');
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const after = before.replace(MARK, table(folder));
  if (after === before && before.includes('<!-- /family -->')) continue;
  stale += 1;
  if (process.argv.includes('--check'))
    console.log(`${path}: the family table is missing or stale; run node scripts/family.ts`);
  else writeFileSync(path, after);
}
process.exitCode = process.argv.includes('--check') && stale > 0 ? 1 : 0;
