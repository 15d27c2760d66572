// Writes docs/errors.md and docs/events.md from the unions in @oa/types. `--check` only says which page is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TSType } from 'oxc-parser';
import { declarationsOf, docBefore, readModule, type Declaration } from './declarations.ts';
import { root } from './packages.ts';

/** An error code, with what its comment says. A part that the comment lacks is empty. */
export interface ErrorEntry {
  code: string;
  meaning: string;
  cause: string;
  cure: string;
}

/** An event, with its comment and its members. */
export interface EventEntry {
  type: string;
  text: string;
  members: { name: string; type: string; optional: boolean; text: string }[];
}

const NOTE = (file: string): string => `<!-- Written by \`pnpm reference\` from packages/types/src/${file}. -->`;

/** Reads the codes of `OAuthErrorCode`. */
export function readErrors(path: string = sourceOf('error.ts')): ErrorEntry[] {
  const union = findAlias(path, 'OAuthErrorCode');
  return membersOf(union).map((member) => {
    const [, meaning = '', cause = '', cure = ''] =
      /^(.*?)\s*(?:Cause: (.*?))?\s*(?:Cure: (.*))?$/.exec(commentOf(union, member)) ?? [];
    return { code: textOf(union, member).slice(1, -1), meaning, cause, cure };
  });
}

/** Reads the events of `OAuthEvent`, by the union that holds them. */
export function readEvents(path: string = sourceOf('event.ts')): Map<string, EventEntry[]> {
  const unions = membersOf(findAlias(path, 'EventUnion')).map((member) =>
    findAlias(path, textOf(findAlias(path, 'EventUnion'), member)),
  );
  return new Map(
    unions.map((union) => [union.name, membersOf(union).map((member) => eventOf(union, member))] as const),
  );
}

function eventOf(union: Declaration, member: TSType): EventEntry {
  const signatures = member.type === 'TSTypeLiteral' ? member.members : [];
  const members = signatures.flatMap((signature) =>
    signature.type === 'TSPropertySignature' && signature.key.type === 'Identifier' && signature.typeAnnotation !== null
      ? {
          name: signature.key.name,
          type: textOf(union, signature.typeAnnotation.typeAnnotation).replace(/ \| undefined$/, ''),
          optional: signature.optional,
          text: commentOf(union, signature),
        }
      : [],
  );
  const type = members.find(({ name }) => name === 'type')?.type.slice(1, -1) ?? '';
  return { type, text: commentOf(union, member), members: members.filter(({ name }) => name !== 'type') };
}

/** The page of the error codes. */
export function renderErrors(errors: ErrorEntry[]): string {
  const sections = errors.map(
    ({ code, meaning, cause, cure }) => `## \`${code}\`\n\n${meaning}\n\n- **Cause:** ${cause}\n- **Cure:** ${cure}\n`,
  );
  return `# Errors

${NOTE('error.ts')}

Every failure that is not a wrong argument is an \`OAuthError\` of \`@oa/types\`. Its \`code\` is one of the ${errors.length} codes on this page.

${sections.join('\n')}`;
}

/** The page of the events. */
export function renderEvents(groups: Map<string, EventEntry[]>): string {
  const sections = [...groups].map(
    ([name, events]) => `## ${name.replace(/Event$/, '')} events\n\n${events.map(renderEvent).join('\n')}`,
  );
  return `# Events

${NOTE('event.ts')}

The option \`onEvent\` receives these events. No member ever holds a token, a secret, a code or a verifier. Times are in seconds.
If the endpoints of a server are guessed, because it publishes no metadata, its events have \`guessed_after\`: the metadata addresses that were asked in vain.

${sections.join('\n')}`;
}

function renderEvent({ type, text, members }: EventEntry): string {
  const lines = members.map(
    (member) =>
      `- \`${member.name}\`: \`${member.type}\`${member.optional ? ', optional' : ''}${member.text === '' ? '' : `. ${member.text}`}\n`,
  );
  return `### \`${type}\`\n\n${text}\n${lines.length === 0 ? '' : `\n${lines.join('')}`}`;
}

function sourceOf(file: string): string {
  return join(root, 'packages/types/src', file);
}

function findAlias(path: string, name: string): Declaration {
  const found = declarationsOf(readModule(path)).find((one) => one.name === name);
  if (found === undefined) throw new Error(`${path} declares no ${name}.`);
  return found;
}

function membersOf({ node }: Declaration): TSType[] {
  if (node.type !== 'TSTypeAliasDeclaration') return [];
  return node.typeAnnotation.type === 'TSUnionType' ? node.typeAnnotation.types : [node.typeAnnotation];
}

/** A comment as one paragraph. */
function commentOf({ module }: Declaration, { start }: { start: number }): string {
  return (docBefore(module, start)?.text ?? '').replaceAll(/\s+/g, ' ');
}

function textOf({ module }: Declaration, { start, end }: { start: number; end: number }): string {
  return module.text.slice(start, end);
}

if (import.meta.main) {
  const pages = { 'errors.md': renderErrors(readErrors()), 'events.md': renderEvents(readEvents()) };
  for (const [name, text] of Object.entries(pages)) {
    const path = join(root, 'docs', name);
    if (!process.argv.includes('--check')) writeFileSync(path, text);
    else if (readFileSync(path, 'utf8') !== text) {
      process.exitCode = 1;
      console.log(`docs/${name} is stale. Run pnpm reference.`);
    }
  }
}
