// Writes the family table into every README, between the `family` markers, and makes the links of packages into the repository
// absolute. `--check` only says which README is stale.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packages, root } from './packages.ts';
import { repositoryUrl, toRepositoryLinks } from './repository.ts';

const MARK = /<!-- family -->\n(?:[\s\S]*?<!-- \/family -->\n)?/;

const ORDER = [
  '@oa/manager',
  '@oa/fetch',
  '@oa/loopback',
  '@oa/pkce',
  '@oa/device-code',
  '@oa/client-credentials',
  '@oa/assertion-grants',
  '@oa/discovery',
  '@oa/registration',
  '@oa/identity',
  '@oa/token-cache',
  '@oa/client-store',
  '@oa/encryption',
  '@oa/keychain',
  '@oa/store-postgres',
  '@oa/store-redis',
  '@oa/store-contract',
  '@oa/opentelemetry',
  '@oa/token-endpoint',
  '@oa/client-authentication',
  '@oa/dpop',
  '@oa/workload-identity',
  '@oa/http',
  '@oa/private-file',
  '@oa/shared-store',
  '@oa/types',
  '@oa/mechanisms',
];

function table(self: string): string {
  const sorted = packages.toSorted((a, b) => ORDER.indexOf(a.manifest.name) - ORDER.indexOf(b.manifest.name));
  const rows = sorted.map(({ folder, manifest }): [string, string] => {
    const page = `packages/${basename(folder)}#readme`;
    // A registry shows the README of a package without the rest of the repository, so its links are absolute.
    const link = self === root ? page : `${repositoryUrl}/tree/HEAD/${page}`;
    return [self === folder ? `**${manifest.name}**` : `[${manifest.name}](${link})`, manifest.description];
  });
  return `<!-- family -->\n\n${markdownTable([['package', 'purpose'], ...rows])}\n\n<!-- /family -->\n`;
}

/** A table with aligned columns, as the formatter writes it. */
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
  const marked = before.replace(MARK, table(folder));
  const after = folder === root ? marked : toRepositoryLinks(marked, folder);
  if (after === before && before.includes('<!-- /family -->')) continue;
  stale += 1;
  if (process.argv.includes('--check'))
    console.log(`${path}: the family table or a link is stale. Run node scripts/family.ts.`);
  else writeFileSync(path, after);
}
process.exitCode = process.argv.includes('--check') && stale > 0 ? 1 : 0;
