import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, type TestProcess } from '@oa-internal/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { answerUrl, grantTokens, metadata } from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

const shells: TestProcess[] = [];
afterEach(() => {
  // After a failed test the shell still waits. The end of its terminal ends it, and the program in it.
  for (const shell of shells.splice(0)) shell.kill('SIGKILL');
});

const CTRL_C = '\u0003';
const CTRL_Z = '\u001A';
const PROMPT = /bash-[\d.]+[#$] /;
/** The shell reads commands again. One that is typed before is lost with the next Ctrl-C. */
const STOPPED = /Stopped[\s\S]*?bash-[\d.]+[#$] /;
/** The program runs again, and has drawn its line anew. Before that Ctrl-C may reach the shell. */
const CONTINUED = /\bfg\r\n[^\n]*\n[\s\S]*\[0J/;
const MODES = String.raw`stty -a | grep -o -E -e '-?(icanon|echo|isig)\b' | tr '\n' ' '`;

/** Starts an interactive shell with job control in a pseudo-terminal. Its variable PROGRAM is the command of a login. */
function startShell(): TestProcess {
  const shell = `export PROGRAM="$(printf "'%s' " "$@")"; exec script -qefc "bash --noprofile --norc -i" /dev/null`;
  const { CI: _, SSH_CONNECTION: _s, ...env } = process.env;
  const started = startProcess(new URL('programs/login.ts', import.meta.url), {
    env: { ...env, TERM: 'xterm', BROWSER: '', DISPLAY: '', OA_SERVER: JSON.stringify(metadata(scripted)) },
    under: ['sh', '-c', shell, 'sh'],
    input: true,
  });
  shells.push(started);
  return started;
}

/** Runs a command of the shell, and returns the output up to its end. */
async function runCommand(shell: TestProcess, command: string, mark: string): Promise<string> {
  const before = shell.output().stdout.length;
  // The mark in two pieces: the terminal shows the command itself, too.
  shell.write(`${command}; echo "${mark[0]}""${mark.slice(1)}"\r`);
  await shell.printed(mark);
  return shell.output().stdout.slice(before);
}

// Linux only: `script` of other systems takes other arguments.
describe.skipIf(process.platform !== 'linux').each([
  ['alone', 'eval "$PROGRAM"'],
  ['under a wrapper, such as npx', 'sh -c "$PROGRAM; true"'],
])('Ctrl-Z in a terminal, with the program %s (Linux only)', (_, command) => {
  it('gives the shell a usable terminal, and after fg the login goes on', async () => {
    const shell = startShell();
    await shell.printed(PROMPT);
    shell.write(`${command}\r`);
    const [url] = await shell.printed(/http\S+redirect_uri=\S+(?=\s)/);
    await shell.printed('paste its address here');
    shell.write(CTRL_Z);
    await shell.printed(STOPPED);
    const modes = await runCommand(shell, MODES, 'MODES-SHOWN');
    expect(modes).toMatch(/\bisig .*\bicanon .*\becho |\becho .*\bicanon/s);
    expect(modes).not.toMatch(/\n-icanon|[^?]-icanon|-isig /);
    shell.write(`fg\r`);
    await shell.printed(/fg\r\n[^\n]*\n/);
    shell.write(`${answerUrl(url, { code: 'pasted-after-fg' })}\r`);
    await shell.printed(/ENDED \{"result":"token"/);
    expect(scripted.requestsTo('/token').at(-1)?.form.get('code')).toBe('pasted-after-fg');
    shell.write('exit\r');
    expect(await shell.ended).toMatchObject({ code: 0 });
  });

  it('leaves Ctrl-C working after fg', async () => {
    const shell = startShell();
    await shell.printed(PROMPT);
    shell.write(`${command}\r`);
    await shell.printed('paste its address here');
    shell.write(CTRL_Z);
    await shell.printed(STOPPED);
    shell.write(`fg\r`);
    await shell.printed(CONTINUED);
    const countPrompts = (): number => shell.output().stdout.split(PROMPT).length;
    const count = countPrompts();
    shell.write(CTRL_C);
    await expect.poll(countPrompts, { timeout: 20_000 }).toBe(count + 1);
    await runCommand(shell, 'true', 'SHELL-IS-BACK');
    expect(shell.output().stdout).not.toContain('ENDED');
    shell.write('exit\r');
    await shell.ended;
  });
});
