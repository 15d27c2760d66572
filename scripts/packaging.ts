// Packs every package as it would be published, has publint and attw check the tarballs, and checks the planned releases.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packInto } from './pack.ts';
import { packages, root } from './packages.ts';
import { exposedPackages, findMissingBreaks, readChangesets } from './semver.ts';

const directory = mkdtempSync(join(tmpdir(), 'oa-packaging-'));
const problems: string[] = [];

try {
  for (const [name, tarball] of packInto(directory))
    problems.push(...(await lintTarball(name, tarball)), ...checkTypes(name, tarball));
} finally {
  rmSync(directory, { recursive: true });
}
problems.push(...checkReleases());

for (const problem of problems) console.log(problem);
console.log(problems.length === 0 ? `${packages.length} packages are fit to publish` : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function lintTarball(name: string, tarball: string): Promise<string[]> {
  const bytes = readFileSync(tarball);
  const { messages, pkg } = await publint({
    strict: true,
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
  });
  return messages.map((message) => `${name}: ${formatMessage(message, pkg) ?? message.code}`);
}

function checkTypes(name: string, tarball: string): string[] {
  const { status, stdout, stderr } = spawnSync('attw', [tarball, '--profile', 'esm-only', '--no-emoji'], {
    encoding: 'utf8',
  });
  return status === 0 ? [] : [`${name}:\n${stdout}${stderr}`];
}

function checkReleases(): string[] {
  const releases = packages.map(({ folder, manifest: { name, version, publishConfig } }) => {
    const exposes = Object.values(publishConfig.exports).flatMap((target) =>
      typeof target === 'string' ? [] : Array.from(exposedPackages(join(folder, target.types))),
    );
    return { name, version, exposes: new Set(exposes) };
  });
  return findMissingBreaks(releases, readChangesets(join(root, '.changeset')));
}
