// Reads the public declarations of a package with their documentation comments. TypeScript 7 has no compiler API for that.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  parseSync,
  Visitor,
  type Class,
  type Comment,
  type Function,
  type Node,
  type ParseResult,
  type Program,
  type Statement,
  type TSInterfaceDeclaration,
  type TSTypeAliasDeclaration,
  type VariableDeclaration,
  type VisitorObject,
} from 'oxc-parser';

/** A documentation comment, taken apart. */
export interface Doc {
  /** The text before the first tag. */
  text: string;
  tags: { name: string; text: string }[];
}

/** A parsed source or declaration file. */
export interface Module {
  path: string;
  text: string;
  parsed: ParseResult;
}

/** A declaration at the top level of a file. */
export interface Declaration {
  name: string;
  module: Module;
  node: DeclarationNode;
  doc: Doc | undefined;
}

export type DeclarationNode = Class | Function | TSInterfaceDeclaration | TSTypeAliasDeclaration | VariableDeclaration;

/** The start of a tag. A name such as `@oa/types` is none. */
const TAG = /(?<=^|\s)@(?=(?:param|returns|throws|see|default|example|deprecated|internal|typeParam)\b)/;

const modules = new Map<string, Module>();

/** Parses a file once. */
export function readModule(path: string): Module {
  const known = modules.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(path, 'utf8');
  const module = { path, text, parsed: parseSync(path, text) };
  modules.set(path, module);
  return module;
}

/** The declarations at the top level of a file, exported or not. */
export function declarationsOf(module: Module): Declaration[] {
  return module.parsed.program.body.flatMap((statement) => {
    const node = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (node === null || !isDeclaration(node)) return [];
    const doc = docBefore(module, statement.start);
    return namesOf(node).map((name) => ({ name, module, node, doc }));
  });
}

/** What an entry point exports from its own package, each with its declaration. What it passes on from a sibling is left out. */
export function publicDeclarations(entry: string): Declaration[] {
  const module = readModule(entry);
  const declared = declarationsOf(module);
  return module.parsed.module.staticExports
    .flatMap(({ entries }) => entries)
    .flatMap(({ exportName, importName, localName, moduleRequest }) => {
      const specifier = moduleRequest?.value;
      if (specifier === undefined) return declared.filter(({ name }) => name === (localName.name ?? exportName.name));
      if (!specifier.startsWith('.')) return [];
      return publicDeclarations(resolveRelative(entry, specifier)).filter(({ name }) => name === importName.name);
    });
}

/** The file that a relative import of a source or a declaration file means. */
export function resolveRelative(from: string, specifier: string): string {
  const path = join(dirname(from), specifier);
  return from.endsWith('.d.ts') ? path.replace(/(?:\.d)?\.[jt]s$/, '.d.ts') : path;
}

/** The documentation comment that ends directly before `position`, an `export` or a `|` aside. */
export function docBefore(module: Module, position: number): Doc | undefined {
  const comment = module.parsed.comments.findLast(({ end }) => end <= position);
  if (comment === undefined || !isDoc(comment)) return undefined;
  return /^[\s|]*$/.test(module.text.slice(comment.end, position)) ? parseDoc(comment.value) : undefined;
}

/** Takes the inside of a documentation comment apart. */
export function parseDoc(value: string): Doc {
  const lines = value.split('\n').map((line) => line.replace(/^\s*\*? ?/, '').trimEnd());
  const [text = '', ...tags] = lines.join('\n').split(TAG);
  return {
    text: text.trim(),
    tags: tags.map((tag) => {
      const [, name = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(tag) ?? [];
      return { name, text: rest.trim() };
    }),
  };
}

/** The line of a position, for a message. */
export function lineOf({ text }: Module, position: number): number {
  return text.slice(0, position).split('\n').length;
}

/** Calls the visitor for every node in a part of a file. */
export function visit(node: Node, visitor: VisitorObject): void {
  new Visitor(visitor).visit({ type: 'Program', body: [node] } as unknown as Program);
}

/** The names of the identifiers in a part of a file. */
export function identifiersIn(node: Node): Set<string> {
  const names = new Set<string>();
  visit(node, { Identifier: ({ name }) => void names.add(name) });
  return names;
}

function isDoc({ type, value }: Comment): boolean {
  return type === 'Block' && value.startsWith('*');
}

const DECLARATIONS: ReadonlySet<string> = new Set<DeclarationNode['type']>([
  'ClassDeclaration',
  'FunctionDeclaration',
  'TSDeclareFunction',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
  'VariableDeclaration',
]);

function isDeclaration(node: Statement): node is DeclarationNode {
  return DECLARATIONS.has(node.type);
}

function namesOf(node: DeclarationNode): string[] {
  if (node.type !== 'VariableDeclaration') return node.id === null ? [] : [node.id.name];
  return node.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? id.name : []));
}
