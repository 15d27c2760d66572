// Behaves as `/usr/bin/security -i` does, as far as the package uses it. The first argument is the directory of its keychain.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [directory = '', ...args] = process.argv.slice(2);
const keychain = join(directory, 'keychain.json');

/** The parser of security.c: white space separates, a backslash makes the next character ordinary, within quotes too. */
function splitLine(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < line.length; index += 1) {
    let character = line.charAt(index);
    const isEscaped = character === '\\';
    if (isEscaped) character = line.charAt((index += 1));
    const isEnd = !isEscaped && (quote === undefined ? /\s/.test(character) : character === quote);
    if (isEnd) {
      if (word !== undefined) words.push(word);
      word = quote = undefined;
    } else if (word === undefined && !isEscaped && /["']/.test(character)) {
      quote = character;
      word = '';
    } else word = (word ?? '') + character;
  }
  return word === undefined ? words : [...words, word];
}

function run([command = '', ...words]: string[]): number {
  const items = existsSync(keychain) ? (JSON.parse(readFileSync(keychain, 'utf8')) as Record<string, string>) : {};
  // Options come with their values, `-w` of a search aside, which is the last word.
  const option = (name: string): string =>
    words[words.findIndex((word, index) => index % 2 === 0 && word === name) + 1] ?? '';
  const item = JSON.stringify([option('-s'), option('-a')]);
  if (command === 'find-generic-password') {
    if (items[item] === undefined) return 44;
    process.stdout.write(`${items[item]}\n`);
    return 0;
  }
  if (command !== 'add-generic-password') return 1;
  if (items[item] !== undefined) return 45;
  writeFileSync(keychain, JSON.stringify({ ...items, [item]: option('-w') }));
  return 0;
}

appendFileSync(join(directory, 'children'), `${JSON.stringify([args, process.env])}\n`);
const failure = join(directory, 'failure');
if (args.join() !== '-i') process.exitCode = 2;
else if (existsSync(failure)) process.exitCode = Number(readFileSync(failure, 'utf8'));
else
  for (const line of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    process.exitCode = run(splitLine(line));
    if (process.exitCode !== 0) process.stderr.write(`security: returned ${process.exitCode}\n`);
  }
