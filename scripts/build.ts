// Builds the package of the current directory into `dist`: one file for each entry point, one for each lazy part, and one for what several lazy
// parts share. docs/decisions/051-bundled-packages.md says why. The declarations are of `tsc`, one for each module that an entry point reaches.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Visitor } from 'oxc-parser';
import { rolldown, type OutputOptions, type RolldownOutput } from 'rolldown';
import { readModule, resolveRelative } from './declarations.ts';
import type { Manifest } from './packages.ts';

/** Parts of these become part of a bundle, with their license. They are no dependencies of the packages. */
const BUNDLED: ReadonlySet<string> = new Set(['@noble/hashes']);

const folder = process.cwd();
const dist = join(folder, 'dist');
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
const entries = Object.values(manifest.exports).flatMap((target) =>
  typeof target === 'string' ? [] : [target['@oa/source']],
);

// Nothing is removed before the new files are written, so that another process can use the package in the meantime.
const written = new Set([...(await bundle()), ...emitDeclarations()]);
for (const name of readdirSync(dist))
  if (!written.has(name)) rmSync(join(dist, name), { recursive: true, force: true });

/** @returns the names of the written files */
async function bundle(): Promise<string[]> {
  const options: OutputOptions = { dir: dist, chunkFileNames: '[name].js' };
  await using build = await rolldown({
    cwd: folder,
    input: entries,
    platform: 'neutral',
    tsconfig: false,
    // As in tsconfig.base.json. `engines` has a Node.js that knows no newer syntax.
    transform: { target: 'es2023' },
    external: (id) => isDependency(id),
    // An entry point also exports what its lazy parts need, under short names. A clean one would be a second file to load.
    preserveEntrySignatures: 'allow-extension',
    onLog: (_level, { message }) => {
      throw new Error(`${manifest.name}: ${message}`);
    },
  });
  const initial = initialModules(await build.generate(options));
  const { output } = await build.write({
    ...options,
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ name: 'common', test: (id) => !initial.has(id), minShareCount: 2 }],
    },
  });
  return output.map(({ fileName }) => fileName);
}

/** The modules that an entry point loads at once. */
function initialModules({ output }: RolldownOutput): Set<string> {
  const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])));
  const names = new Set(Array.from(chunks.values()).flatMap((chunk) => (chunk.isEntry ? [chunk.fileName] : [])));
  for (const name of names) for (const imported of chunks.get(name)?.imports ?? []) names.add(imported);
  return new Set(Array.from(names).flatMap((name) => chunks.get(name)?.moduleIds ?? []));
}

/** Siblings and dependencies stay out of the bundle: each has its own version. Nothing else may be imported. */
function isDependency(id: string): boolean {
  if (/^(\.|\/|[A-Za-z]:\\|\0)/.test(id) || id.startsWith('rolldown:')) return false;
  const [scope = '', name = ''] = id.split('/');
  const dependency = scope.startsWith('@') ? `${scope}/${name}` : scope;
  if (BUNDLED.has(dependency)) return false;
  if (id.startsWith('node:') || Object.hasOwn({ ...manifest.dependencies, ...manifest.peerDependencies }, dependency))
    return true;
  throw new Error(`${manifest.name} imports ${id}, which is not one of its dependencies. Add it to package.json.`);
}

/** @returns the names of the declarations that an entry point reaches */
function emitDeclarations(): string[] {
  const { status } = spawnSync('tsc', { cwd: folder, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  const reached = new Set(entries.map((entry) => join(dist, basename(entry).replace('.ts', '.d.ts'))));
  for (const path of reached)
    for (const specifier of specifiersOf(path))
      if (specifier.startsWith('.')) reached.add(resolveRelative(path, specifier));
  return Array.from(reached, (path) => basename(path));
}

/** What a declaration file imports and exports from, also by `import('...')`. */
function specifiersOf(path: string): string[] {
  const { module, program } = readModule(path).parsed;
  const specifiers = module.staticImports.map(({ moduleRequest }) => moduleRequest.value);
  for (const { entries: exported } of module.staticExports)
    for (const { moduleRequest } of exported) if (moduleRequest !== null) specifiers.push(moduleRequest.value);
  new Visitor({ TSImportType: ({ source }) => void specifiers.push(source.value) }).visit(program);
  return specifiers;
}
