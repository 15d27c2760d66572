// The rules that the documentation comments of public declarations must keep. test/tsdoc.test.ts applies them.
import type { Node, ParamPattern, TSTypeAnnotation } from 'oxc-parser';
import { declarationsOf, docBefore, identifiersIn, lineOf, publicDeclarations, readModule } from './declarations.ts';
import { resolveRelative, visit, type Declaration, type Doc, type Module } from './declarations.ts';
import { entryPoints } from './packages.ts';

/** A function, or a method of an interface, with what its comment must answer for. */
interface Callable {
  name: string;
  doc: Doc | undefined;
  parameters: string[];
  returns: string;
  /** Whether it returns a promise, or a call of it throws or calls an `assert` function. */
  canReject: boolean;
  /** Whether it returns a promise, and its code reaches a `new OAuthError`, here or in a sibling. */
  mayMakeOAuthError: boolean;
}

const UNITS =
  /\b(?:milliseconds?|seconds?|minutes?|hours?|days?|bytes?|characters?|bits?|epoch|HTTP status|status code|port|ports|number of|how many|how often|times|entries|attempts?|version)\b/i;
const NEVER_REJECTS = /\b(?:never|does not|do not) (?:reject|throw)s?\b/i;

/** Lists what the comment of a public declaration lacks, with the place. An empty list means that it keeps the rules. */
export function findDocProblems(declaration: Declaration, codes: ReadonlySet<string>): string[] {
  const { name, module, node, doc } = declaration;
  const problems =
    doc === undefined
      ? [`${name} has no documentation comment.`]
      : [...checkTags(name, doc), ...callablesOf(declaration).flatMap((callable) => checkCallable(callable, codes))];
  // The comment of a function answers for the members of its parameters.
  if (node.type === 'TSInterfaceDeclaration' || node.type === 'TSTypeAliasDeclaration')
    problems.push(...checkMembers(declaration));
  return problems.map((problem) => `${module.path}:${lineOf(module, node.start)}: ${problem}`);
}

function checkMembers({ name, module, node }: Declaration): string[] {
  const problems: string[] = [];
  visit(node, {
    TSPropertySignature(member) {
      const memberDoc = docBefore(module, member.start);
      const label = `${name}.${textOf(module, member.key)}`;
      const type = member.typeAnnotation?.typeAnnotation;
      if (memberDoc !== undefined) problems.push(...checkTags(label, memberDoc));
      if (type === undefined || type.type === 'TSTypeLiteral' || !/\bnumber\b/.test(textOf(module, type))) return;
      if (!UNITS.test(allText(memberDoc))) problems.push(`${label} is a number without a unit.`);
    },
    TSMethodSignature(member) {
      const memberDoc = docBefore(module, member.start);
      if (memberDoc !== undefined) problems.push(...checkTags(`${name}.${textOf(module, member.key)}`, memberDoc));
    },
  });
  return problems;
}

function checkTags(name: string, doc: Doc): string[] {
  const problems = doc.text === '' ? [`${name} has no summary sentence.`] : [];
  for (const tag of doc.tags) {
    if (tag.name === 'see' && !/^https:\/\/\S+$/m.test(tag.text)) problems.push(`${name}: @see ${tag.text} is no URL.`);
    if (tag.name === 'default' && /^-?\d/.test(tag.text) && !UNITS.test(allText(doc)))
      problems.push(`${name}: @default ${tag.text} has no unit.`);
    if (tag.name === 'throws' && /^\{(?!(?:OAuthError|TypeError|Error)\}\s+\S)/.test(tag.text))
      problems.push(`${name}: @throws ${tag.text} must name OAuthError, TypeError or Error, and say when.`);
  }
  return problems;
}

function checkCallable(callable: Callable, codes: ReadonlySet<string>): string[] {
  const { name, doc, parameters, returns } = callable;
  const problems = checkErrors(callable, codes);
  for (const { text } of (doc?.tags ?? []).filter((tag) => tag.name === 'param')) {
    const parameter = /^\w+/.exec(text)?.[0] ?? '';
    if (!parameters.some((one) => new RegExp(String.raw`^(?:\.\.\.)?${parameter}\b`).test(one)))
      problems.push(`${name}: @param ${parameter} is no parameter.`);
  }
  if ([...parameters, returns].some((type) => /\bnumber\b/.test(type)) && !UNITS.test(allText(doc)))
    problems.push(`${name} takes or returns a number without a unit.`);
  return problems;
}

function checkErrors({ name, doc, canReject, mayMakeOAuthError, returns }: Callable, codes: ReadonlySet<string>) {
  const throws = (doc?.tags ?? []).filter((tag) => tag.name === 'throws').map(({ text }) => text);
  const problems: string[] = [];
  const errors = throws.filter((text) => text.startsWith('{OAuthError}'));
  for (const text of errors) {
    const [list = ''] = /^\{OAuthError\}(?:(?:,|\s|\band\b|\bor\b)+`\w+`)*/.exec(text) ?? [];
    const named = [...list.matchAll(/`(\w+)`/g)].map(([, code = '']) => code);
    const unknown = named.filter((code) => !codes.has(code));
    if (named.length === 0) problems.push(`${name}: @throws ${text} starts with no code in backticks.`);
    if (unknown.length > 0) problems.push(`${name}: @throws names ${unknown.join(', ')}, no code of OAuthErrorCode.`);
  }
  if (!canReject || NEVER_REJECTS.test(allText(doc))) return problems;
  if (throws.length === 0) problems.push(`${name} can reject or throw, but has no @throws.`);
  else if (errors.length === 0 && mayMakeOAuthError && !/\bResult</.test(returns))
    problems.push(`${name} can reject with an OAuthError, but names no code with @throws {OAuthError}.`);
  return problems;
}

function callablesOf({ name, module, node, doc }: Declaration): Callable[] {
  const callables: Callable[] = [];
  const add = (label: string, comment: Doc | undefined, signature: Signature): void => {
    const returns = !signature.returnType ? '' : textOf(module, signature.returnType.typeAnnotation);
    const isAsync = /\bPromise(?:Like)?</.test(returns);
    callables.push({
      name: label,
      doc: comment,
      parameters: parametersOf(module, signature.params),
      returns,
      canReject: isAsync || throwsItself(signature.node),
      mayMakeOAuthError: isAsync && reaches(module, signature.node),
    });
  };
  if (node.type === 'FunctionDeclaration') add(name, doc, { ...node, node });
  if (node.type === 'VariableDeclaration')
    for (const { id, init } of node.declarations)
      if (id.type === 'Identifier' && id.name === name && init?.type === 'ArrowFunctionExpression')
        add(name, doc, { ...init, node: init });
  if (node.type === 'TSInterfaceDeclaration')
    for (const member of node.body.body)
      if (member.type === 'TSMethodSignature')
        add(`${name}.${textOf(module, member.key)}`, docBefore(module, member.start), { ...member, node: member });
  return callables;
}

interface Signature {
  node: Node;
  params: ParamPattern[];
  returnType?: TSTypeAnnotation | null;
}

function parametersOf(module: Module, parameters: ParamPattern[]): string[] {
  return parameters.map((parameter) => textOf(module, parameter));
}

/** Whether a call of the function itself throws. What a function inside it throws, happens later. */
function throwsItself(node: Node): boolean {
  let depth = 0;
  let found = false;
  const enter = (): void => void (depth += 1);
  const exit = (): void => void (depth -= 1);
  visit(node, {
    FunctionDeclaration: enter,
    'FunctionDeclaration:exit': exit,
    FunctionExpression: enter,
    'FunctionExpression:exit': exit,
    ArrowFunctionExpression: enter,
    'ArrowFunctionExpression:exit': exit,
    ThrowStatement: () => void (found ||= depth === 1),
    CallExpression({ callee }) {
      if (callee.type === 'Identifier' && /^assert[A-Z]/.test(callee.name)) found ||= depth === 1;
    },
  });
  return found;
}

/** Whether a `new OAuthError` is in `node`, or in a declaration that it names. */
function reaches(module: Module, node: Node, seen = new Set<string>()): boolean {
  let found = false;
  visit(node, {
    NewExpression({ callee }) {
      if (callee.type === 'Identifier' && callee.name === 'OAuthError') found = true;
    },
  });
  if (found) return true;
  for (const name of identifiersIn(node))
    for (const declaration of resolve(module, name)) {
      const key = `${declaration.module.path}#${declaration.name}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (reaches(declaration.module, declaration.node, seen)) return true;
    }
  return false;
}

/** The declarations that `name` can mean in a file: its own, imported ones, and those of modules that it loads later. */
function resolve(module: Module, name: string): Declaration[] {
  const own = declarationsOf(module).filter((one) => one.name === name);
  const { staticImports, dynamicImports } = module.parsed.module;
  const imported = staticImports.flatMap(({ moduleRequest, entries }) =>
    entries
      .filter((entry) => !entry.isType && entry.localName.value === name)
      .flatMap((entry) => exportsOf(module, moduleRequest.value, entry.importName.name ?? '')),
  );
  const loaded = dynamicImports.flatMap(({ moduleRequest: { start, end } }) =>
    exportsOf(module, module.text.slice(start + 1, end - 1), name),
  );
  return [...own, ...imported, ...loaded];
}

function exportsOf(module: Module, specifier: string, name: string): Declaration[] {
  const entry = entryPoints.find((one) => one.specifier === specifier);
  if (entry !== undefined) return publicDeclarations(entry.source).filter((one) => one.name === name);
  if (!specifier.startsWith('.')) return [];
  return declarationsOf(readModule(resolveRelative(module.path, specifier))).filter((one) => one.name === name);
}

function allText(doc: Doc | undefined): string {
  return doc === undefined ? '' : [doc.text, ...doc.tags.map(({ text }) => text)].join(' ');
}

function textOf({ text }: Module, { start, end }: { start: number; end: number }): string {
  return text.slice(start, end);
}
