// Writes `repository`, `homepage` and `bugs` into the package.json of every published package, from the `repository` of the root
// package.json. `--check` only says which one is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages } from './packages.ts';
import { repositoryFields } from './repository.ts';

const check = process.argv.includes('--check');

for (const { folder } of packages) {
  const path = join(folder, 'package.json');
  const before = readFileSync(path, 'utf8');
  const after = `${JSON.stringify(withFields(JSON.parse(before) as object, { ...repositoryFields(folder) }), undefined, 2)}\n`;
  if (after === before) continue;
  if (check) {
    console.log(`${path} is stale. Run node scripts/metadata.ts.`);
    process.exitCode = 1;
  } else writeFileSync(path, after);
}

/** Sets `fields` where the manifest has them, else after `keywords`. */
function withFields(manifest: object, fields: Record<string, unknown>): object {
  const entries = Object.entries(manifest).map(([name, value]): [string, unknown] => [name, fields[name] ?? value]);
  const added = Object.entries(fields).filter(([name]) => !(name in manifest));
  const index = entries.findIndex(([name]) => name === 'keywords') + 1;
  return Object.fromEntries(entries.toSpliced(index, 0, ...added));
}
