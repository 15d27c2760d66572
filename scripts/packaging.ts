// Packs every package as it would be published, and lets publint and attw look at the tarballs.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packages } from './packages.ts';

const directory = mkdtempSync(join(tmpdir(), 'oa-packaging-'));
let problems = 0;

try {
  for (const { folder, manifest } of packages) {
    execFileSync('pnpm', ['pack', '--pack-destination', directory], { cwd: folder, stdio: 'pipe' });
    const packed = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    const tarball = join(directory, `${manifest.name.replace('@', '').replace('/', '-')}-${packed.version}.tgz`);
    await lint(manifest.name, tarball);
    checkTypes(manifest.name, tarball);
  }
} finally {
  rmSync(directory, { recursive: true });
}
console.log(problems === 0 ? `${packages.length} packages are fit to publish` : `${problems} problems`);
process.exitCode = problems === 0 ? 0 : 1;

async function lint(name: string, tarball: string): Promise<void> {
  const bytes = readFileSync(tarball);
  const { messages, pkg } = await publint({
    strict: true,
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
  });
  for (const message of messages) {
    problems += 1;
    console.log(`${name}: ${formatMessage(message, pkg) ?? message.code}`);
  }
}

function checkTypes(name: string, tarball: string): void {
  const { status, stdout, stderr } = spawnSync('attw', [tarball, '--profile', 'esm-only', '--no-emoji'], {
    encoding: 'utf8',
  });
  if (status === 0) return;
  problems += 1;
  console.log(`${name}:\n${stdout}${stderr}`);
}
