import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspectAll, rejectionOf, startProcess, temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { execToken } from '../src/index.ts';
import { makeJwt, secondsFromNow, stubPlatform } from './platform.ts';

const REQUEST = { audience: 'https://as.example' };
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const SAML = 'urn:ietf:params:oauth:token-type:saml2';
let directory: string;

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** A command that runs JavaScript. */
function node(code: string, ...args: string[]): string[] {
  return [process.execPath, '-e', code, ...args];
}

/** A command that prints a text. */
function printing(text: string): string[] {
  return node('process.stdout.write(process.argv[1])', text);
}

/** Whether a process runs. A zombie does not. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('execToken', () => {
  it('returns what the program prints, and gives it its arguments without a shell', async () => {
    const token = await makeJwt();
    const code = 'console.log(process.argv[1] === "$HOME; `id` * |" ? process.argv[2] : "wrong")';
    expect(await execToken(node(code, '$HOME; `id` * |', token))(REQUEST)).toBe(token);
  });

  it('searches the program in PATH, and runs it again for each request', async () => {
    const program = join(directory, 'my-helper');
    writeFileSync(program, '#!/bin/sh\necho x >> "$0.runs"; wc -l < "$0.runs"\n');
    chmodSync(program, 0o700);
    vi.stubEnv('PATH', `${directory}:${process.env['PATH']}`);
    const source = execToken(['my-helper']);
    expect([await source(REQUEST), await source({ ...REQUEST, rejected: '1' })]).toEqual(['1', '2']);
  });

  it('does not see later changes of the array', async () => {
    const command = printing('first');
    const source = execToken(command);
    command[3] = 'second';
    expect(await source(REQUEST)).toBe('first');
  });

  it.each([
    [
      'that fails',
      node('console.log("planted-secret"); process.exit(7)'),
      /^The program node ended with the status 7\./,
    ],
    ['that is killed', node('process.kill(process.pid, "SIGTERM")'), /ended with the status SIGTERM/],
    [
      'that is missing',
      ['/no/such/my-helper', 'planted-secret'],
      /^The program my-helper was not found\. Check its path/,
    ],
    ['that is no program', ['/etc/passwd', 'planted-secret'], /^The program passwd can't be executed \(EACCES\)/],
    ['with too many arguments', [process.execPath, 'planted-secret'.repeat(200_000)], /can't be started \(E2BIG\)/],
    ['that prints nothing', node(''), /^The token of the program node is empty/],
    ['that prints a sentence', node('console.log("not planted-secret in")'), /is no token: it has white space/],
  ])('says what happened to a program %s, and shows neither arguments nor output', async (_, command, message) => {
    const error = await rejectionOf(execToken(command)(REQUEST));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('assertion_unavailable');
    expect(inspectAll(error)).not.toContain('planted-secret');
  });

  it('drops the error output, and gives no input', async () => {
    const code = `const { fstatSync, statSync } = require("node:fs");
      const isNull = fstatSync(2).rdev === statSync("/dev/null").rdev;
      process.stdin.on("end", () => console.log(isNull ? "token" : "shown")).resume()`;
    expect(await execToken(node(code))(REQUEST)).toBe('token');
  });

  it('kills a program that prints more than 64 KiB, and reads no more of it', async () => {
    const code = `require("fs").writeFileSync("${directory}/pid", String(process.pid)); for (;;) process.stdout.write("x".repeat(9999))`;
    const error = await rejectionOf(execToken(node(code))(REQUEST));
    expect(error.message).toMatch(/^The output of the program node is larger than 64 KiB/);
    await gone(directory, 'pid');
  });

  it('refuses an expired token', async () => {
    const error = await rejectionOf(execToken(printing(await makeJwt({ exp: secondsFromNow(-9) })))(REQUEST));
    expect(error.message).toMatch(/^The token of the program node has expired/);
    expect(error.retryable).toBe(true);
  });

  /** A command with a child that ignores SIGTERM, and a grandchild that keeps the output open. */
  function stubborn(): string[] {
    const script = `trap '' TERM; sleep 1000 & echo $! > ${directory}/grandchild; echo $$ > ${directory}/child; wait; sleep 1000`;
    return ['sh', '-c', script];
  }

  async function started(): Promise<void> {
    await expect.poll(() => existsSync(join(directory, 'child')), { timeout: 20_000 }).toBe(true);
  }

  it('ends the whole process group with an abort, also what ignores SIGTERM', async () => {
    const controller = new AbortController();
    const reason = new Error('stop');
    const result = execToken(stubborn())({ ...REQUEST, signal: controller.signal });
    result.catch(() => undefined);
    await started();
    controller.abort(reason);
    await expect(result).rejects.toBe(reason);
    await gone(directory, 'child');
    await gone(directory, 'grandchild');
  });

  it('ends the whole process group after the timeout', async () => {
    const result = rejectionOf(execToken(stubborn(), { timeout: 700 })(REQUEST));
    await started();
    const error = await result;
    expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: true });
    expect(error.message).toMatch(/^The program sh did not end within 0\.7 seconds, so it was killed\./);
    await gone(directory, 'child');
    await gone(directory, 'grandchild');
  });

  it('ends the whole process group when this process exits, and leaves no listener behind otherwise', async () => {
    const listeners = process.listenerCount('exit');
    const warn = vi.spyOn(process, 'emitWarning');
    const source = execToken(printing('token'));
    expect(new Set(await Promise.all(Array.from({ length: 12 }, () => source(REQUEST))))).toEqual(new Set(['token']));
    expect(process.listenerCount('exit')).toBe(listeners);
    expect(warn).not.toHaveBeenCalled();
    const program = new URL('programs/exit-while-waiting.ts', import.meta.url);
    const { code } = await startProcess(program, { args: [directory, ...stubborn()] }).ended;
    expect(code).toBe(0);
    await gone(directory, 'child');
    await gone(directory, 'grandchild');
  });

  it('says that this process has too many files open, which a later try can get over', async () => {
    const program = new URL('programs/no-files-left.ts', import.meta.url);
    const under = ['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh'];
    const { stdout } = await startProcess(program, { under }).ended;
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'assertion_unavailable',
      message: "The program echo can't be started (EMFILE). Check the command.",
      retryable: true,
    });
  });

  it('starts nothing after an abort', async () => {
    const reason = new Error('stop');
    const source = execToken(['sh', '-c', `touch ${directory}/started`]);
    await expect(source({ ...REQUEST, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(existsSync(join(directory, 'started'))).toBe(false);
  });

  it.each<[unknown, object, RegExp]>([
    ['echo token', {}, /^The command must be an array of strings/],
    [[], {}, /^The program, the first string of the command, must be a non-empty string/],
    [[''], {}, /^The program, the first string/],
    [['echo', 1], {}, /^The command must be an array/],
    [['echo', 'a\0b'], {}, /without null characters/],
    [['echo'], { format: 'aws' }, /^options\.format must be 'raw' or 'google'/],
    [['echo'], { timeout: 0 }, /^options\.timeout must be a positive number of milliseconds/],
  ])('is a TypeError at once for %j with %j', (command, options, message) => {
    const make = (): unknown => execToken(command as string[], options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});

async function gone(folder: string, name: string): Promise<void> {
  const pid = Number(readFileSync(join(folder, name), 'utf8'));
  expect(pid).toBeGreaterThan(0);
  await expect.poll(() => isRunning(pid), { timeout: 20_000 }).toBe(false);
}

describe('execToken with the format of Google (AIP-4117)', () => {
  beforeEach(() => stubPlatform());

  function responding(response: unknown, status = 0): string[] {
    return node(`console.log(process.argv[1]); process.exit(${status})`, JSON.stringify(response));
  }

  it.each(['urn:ietf:params:oauth:token-type:id_token', JWT])(
    'returns the ID token of the type %s',
    async (token_type) => {
      const id_token = await makeJwt();
      const response = { version: 1, success: true, token_type, id_token, expiration_time: secondsFromNow(60) };
      expect(await execToken(responding(response), { format: 'google' })(REQUEST)).toBe(id_token);
    },
  );

  it('returns a SAML response', async () => {
    const response = { version: 1, success: true, token_type: SAML, saml_response: 'PHNhbWw+' };
    expect(await execToken(responding(response), { format: 'google' })(REQUEST)).toBe('PHNhbWw+');
  });

  it('passes the audience and the type on, and asks no user', async () => {
    const code = `const { GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE: a, GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE: t, GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE: i } = process.env;
      console.log(JSON.stringify({ version: 1, success: true, token_type: '${JWT}', id_token: [a, t, i].join('|') }))`;
    const source = execToken(node(code), { format: 'google' });
    expect(await source(REQUEST)).toBe(`https://as.example|${JWT}|0`);
    vi.stubEnv('GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE', SAML);
    expect(await source(REQUEST)).toBe(`https://as.example|${SAML}|0`);
  });

  it.each([0, 1])('says why the program has no token, whatever its exit status (%i)', async (status) => {
    const secret = 'plantedSecret'.repeat(4);
    const response = { version: 1, success: false, code: '401', message: `Caller not authorized. ${secret}` };
    const error = await rejectionOf(execToken(responding(response, status), { format: 'google' })(REQUEST));
    expect(error.message).toBe(
      'The program node has no token: 401: Caller not authorized. ***. Do what this says, or run the program yourself.',
    );
    expect(inspectAll(error)).not.toContain('plantedSecret');
  });

  it.each<[string, unknown, RegExp]>([
    ['is no object', ['plantedSecret'], /it is not a JSON object/],
    ['has no version', { success: true }, /the member version is missing/],
    ['has a newer version', { version: 2, success: true }, /its version is 2, and only version 1 is known/],
    ['has no success', { version: 1 }, /the member success must be true or false/],
    ['fails without a reason', { version: 1, success: false }, /has no token: it does not say why/],
    ['has no type', { version: 1, success: true, id_token: 'plantedSecret' }, /the member token_type must be/],
    [
      'has no ID token',
      { version: 1, success: true, token_type: JWT, saml_response: 'x' },
      /member id_token is missing/,
    ],
    ['has no SAML', { version: 1, success: true, token_type: SAML, id_token: 'x' }, /member saml_response is missing/],
    [
      'has expired',
      { version: 1, success: true, token_type: JWT, id_token: 'plantedSecret', expiration_time: 1_700_000_000 },
      /^The token of the program node has expired at 2023-11-14T22:13:20Z\. The clock/,
    ],
  ])('refuses a response that %s', async (_, response, message) => {
    const error = await rejectionOf(execToken(responding(response), { format: 'google' })(REQUEST));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('assertion_unavailable');
    expect(inspectAll(error)).not.toContain('plantedSecret');
  });

  it('names the exit status of a program that prints no response', async () => {
    const error = await rejectionOf(execToken(node('process.exit(3)'), { format: 'google' })(REQUEST));
    expect(error.message).toMatch(/^The program node ended with the status 3\./);
  });

  it('takes no token of a program that fails', async () => {
    const response = { version: 1, success: true, token_type: JWT, id_token: 'token' };
    const error = await rejectionOf(execToken(responding(response, 2), { format: 'google' })(REQUEST));
    expect(error.message).toMatch(/ended with the status 2/);
  });
});
