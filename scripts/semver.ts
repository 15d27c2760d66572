// A breaking release of a package breaks the siblings whose public signatures name its types. Changesets gives those a patch.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  declarationsOf,
  identifiersIn,
  publicDeclarations,
  readModule,
  resolveRelative,
  visit,
  type Declaration,
} from './declarations.ts';

/** A package with its planned release. */
export interface Release {
  name: string;
  version: string;
  /** The siblings whose types its public signatures name. */
  exposes: ReadonlySet<string>;
}

const BUMPS = ['patch', 'minor', 'major'];

/** Reads the changesets of a directory, each as its text. */
export function readChangesets(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => readFileSync(join(directory, name), 'utf8'));
}

/** Lists the packages that need a breaking release because a sibling gets one, each as a sentence that says what to add. */
export function findMissingBreaks(releases: readonly Release[], changesets: readonly string[]): string[] {
  const bumps = plannedBumps(changesets);
  const breaking = new Set(releases.filter((one) => isBreaking(one, bumps)).map(({ name }) => name));
  const problems: string[] = [];
  // A package that must break as well breaks its own dependants, so the search repeats until it finds no more.
  for (let before = -1; before < problems.length;) {
    before = problems.length;
    for (const { name, version, exposes } of releases) {
      const cause = breaking.has(name) ? undefined : [...exposes].find((sibling) => breaking.has(sibling));
      if (cause === undefined) continue;
      breaking.add(name);
      problems.push(
        `${name}: its public signatures name types of ${cause}, which gets a breaking release. Add "${name}": ${isInitial(version) ? 'minor' : 'major'} to a changeset.`,
      );
    }
  }
  return problems;
}

/** The largest bump that the changesets plan for each package. */
function plannedBumps(changesets: readonly string[]): Map<string, string> {
  const bumps = new Map<string, string>();
  for (const text of changesets) {
    const [, frontMatter = ''] = /^---\n([\s\S]*?)^---$/m.exec(text) ?? [];
    for (const [, name = '', bump = ''] of frontMatter.matchAll(/^["']?([^"':]+)["']?: (\w+)$/gm))
      if (BUMPS.indexOf(bump) > BUMPS.indexOf(bumps.get(name) ?? '')) bumps.set(name, bump);
  }
  return bumps;
}

function isBreaking({ name, version }: Release, bumps: ReadonlyMap<string, string>): boolean {
  const bump = bumps.get(name);
  return bump === 'major' || (bump === 'minor' && isInitial(version));
}

/** Whether a minor may break the package: a version 0.x (https://semver.org/#spec-item-4). */
function isInitial(version: string): boolean {
  return /^0\.[1-9]/.test(version);
}

/**
 * The `@oa` packages whose types the public signatures of an entry point name.
 *
 * @param entry an emitted `.d.ts` file
 */
export function exposedPackages(entry: string): Set<string> {
  const exposed = new Set<string>();
  const pending = publicDeclarations(entry);
  for (const { moduleRequest } of readModule(entry).parsed.module.staticExports.flatMap(({ entries }) => entries))
    if (moduleRequest !== null) addPackage(moduleRequest.value, exposed);
  const seen = new Set<string>();
  for (let declaration = pending.pop(); declaration !== undefined; declaration = pending.pop()) {
    const key = `${declaration.module.path}#${declaration.name}`;
    if (seen.has(key)) continue;
    seen.add(key);
    pending.push(...namedDeclarations(declaration, exposed));
  }
  return exposed;
}

/** The declarations in the package that a declaration names. Packages that it names are added to `exposed`. */
function namedDeclarations({ module, node }: Declaration, exposed: Set<string>): Declaration[] {
  const names = identifiersIn(node);
  visit(node, { TSImportType: ({ source }) => addPackage(source.value, exposed) });
  const found = declarationsOf(module).filter(({ name }) => names.has(name));
  for (const { moduleRequest, entries } of module.parsed.module.staticImports) {
    const used = entries.filter(({ localName }) => names.has(localName.value));
    if (used.length === 0) continue;
    addPackage(moduleRequest.value, exposed);
    if (!moduleRequest.value.startsWith('.')) continue;
    const target = declarationsOf(readModule(resolveRelative(module.path, moduleRequest.value)));
    found.push(...target.filter(({ name }) => used.some(({ importName }) => importName.name === name)));
  }
  return found;
}

function addPackage(specifier: string, exposed: Set<string>): void {
  const [name] = /^@oa\/[^/]+/.exec(specifier) ?? [];
  if (name !== undefined) exposed.add(name);
}
