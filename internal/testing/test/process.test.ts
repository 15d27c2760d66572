import { fstatSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startProcess, temporaryDirectory } from '../src/index.ts';

const directory = temporaryDirectory();
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes a program and returns its path. */
function program(code: string): string {
  const path = join(directory, 'program.mjs');
  writeFileSync(path, code);
  return path;
}

it('hands over the task and the arguments, and captures what the process prints', async () => {
  const path = program('console.log(process.argv.slice(2).join()); console.error("trouble"); process.exitCode = 3;');
  const end = await startProcess(path, { task: { port: 1 }, args: ['--flag'] }).ended;
  expect(end).toEqual({ code: 3, signal: null, stdout: '{"port":1},--flag\n', stderr: 'trouble\n' });
});

it('waits for a text and writes to stdin', async () => {
  const child = startProcess(program('process.stdin.on("data", (text) => console.log("got " + text));'), {
    input: true,
  });
  child.write('a line\n');
  expect((await child.printed(/got (.*)/))[1]).toBe('a line');
  child.endInput();
  expect(await child.ended).toMatchObject({ code: 0 });
});

it('rejects when the process ends before it has printed the text', async () => {
  await expect(startProcess(program('console.log("other");')).printed('expected')).rejects.toThrow(
    'The process ended before /expected/',
  );
});

it('reports the signal that ended a process', async () => {
  const child = startProcess(program('console.log("ready"); setInterval(() => {}, 1000);'));
  await child.printed('ready');
  child.kill('SIGKILL');
  expect(await child.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
});

it('gives the process the standard output of this one with `inherit`', async () => {
  const path = program(
    'import { fstatSync } from "node:fs"; process.exitCode = fstatSync(1).ino === Number(process.argv[2]) ? 4 : 5;',
  );
  const child = startProcess(path, { args: [String(fstatSync(1).ino)], inherit: true });
  expect(await child.ended).toEqual({ code: 4, signal: null, stdout: '', stderr: '' });
});
