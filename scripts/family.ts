// Writes the family table into every README, between the `family` markers. `--check` only says whether one is stale.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  const rows = sorted.map(({ folder, manifest }) => {
    const path = self === root ? `packages/${folder.split(/[\\/]/).at(-1)}` : `../${folder.split(/[\\/]/).at(-1)}`;
    const name = self === folder ? `**${manifest.name}**` : `[${manifest.name}](${path}#readme)`;
    return `| ${name} | ${manifest.description} |`;
  });
  return `<!-- family -->\n\n| package | what it is for |\n| --- | --- |\n${rows.join('\n')}\n\n<!-- /family -->\n`;
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
