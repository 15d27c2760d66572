import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory, type ProcessEnd } from '@oa-internal/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  answerUrl,
  callbackUrl,
  followCallback,
  ipv6,
  metadata,
  sendRequest,
  startLogin,
  type StartedLogin,
} from '../help.ts';
import type { AttackTask, Leaving } from '../programs/other-user.ts';

const otherUser = 65_534;
const userWithoutRoot = 65_533;
const attack = new URL('../programs/other-user.ts', import.meta.url);
const reason = whyNoOtherUser();

/** Why this test can't start a process of another user. */
function whyNoOtherUser(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux tells a program the users of sockets';
  if (process.geteuid?.() !== 0) return 'only root can start a process of another user';
  const program = `require('node:fs').accessSync(${JSON.stringify(fileURLToPath(attack))})`;
  const { status } = spawnSync(process.execPath, ['-e', program], { uid: otherUser, stdio: 'ignore' });
  return status === 0 ? undefined : 'another user can not read the repository';
}

let scripted: ScriptedServer;
beforeAll(async () => {
  // Each code is of another account.
  scripted = await startScriptedServer({
    '/token': ({ form }) => ({ json: { access_token: `token-of-${form.get('code')}`, token_type: 'Bearer' } }),
  });
});
beforeEach(() => {
  scripted.requests.length = 0;
});
afterAll(() => scripted.close());

function runAttack(task: AttackTask, uid = otherUser): Promise<ProcessEnd> {
  return startProcess(attack, { task, uid }).ended;
}

/** Logs in as the user of this process, with a browser of its own, and returns the token. */
async function finishOwnLogin({ waiting, token }: StartedLogin): Promise<string> {
  await followCallback(callbackUrl(await waiting, { code: 'own' }));
  return (await token).access_token;
}

/** Stops this process, its event loop included. */
function pauseProcess(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function ignoredReasons({ events }: StartedLogin): string[] {
  return events.flatMap((event) => (event.type === 'callback_ignored' ? [event.reason] : []));
}

describe.skipIf(reason !== undefined)(
  `another user of the machine${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    it('reads the arguments of the browser, comes first, and still can not log the program in with its account (RFC 9700 section 4.7)', async () => {
      const directory = temporaryDirectory();
      const browser = join(directory, 'browser');
      await writeFile(browser, '#!/bin/sh\nwhile [ -e "$0" ] && [ ! -e "$0.end" ]; do sleep 0.05; done\n');
      await chmod(browser, 0o755);
      vi.stubEnv('BROWSER', browser);
      try {
        const attacked = runAttack({ browser });
        const login = startLogin(metadata(scripted), {}, { openBrowser: true, interaction: 'always' });
        const { state, code_challenge } = Object.fromEntries(new URL((await login.waiting).url).searchParams);
        // The token of this login, or how the attack ended.
        const first = await Promise.race([login.token, attacked]);
        expect(first).not.toHaveProperty('access_token');
        const { stdout } = await attacked;
        const [address = ''] = JSON.parse(/ARGUMENTS (.*)/.exec(stdout)?.[1] ?? '[]') as string[];
        expect(address).toMatch(/^http:\/\/127\.0\.0\.1:/);
        for (const secret of [state, code_challenge]) expect(address).not.toContain(secret);
        expect([...stdout.matchAll(/STATUS (\d+)/g)].map(([, status]) => status)).toEqual(['403', '403']);
        expect(ignoredReasons(login)).toEqual(['user', 'user']);
        // The address is still there for the browser of the user.
        expect((await sendRequest(address)).headers.location).toBe((await login.waiting).url);
        expect(await finishOwnLogin(login)).toBe('token-of-own');
        expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['own']);
      } finally {
        await writeFile(`${browser}.end`, '');
        vi.unstubAllEnvs();
        await rm(directory, { recursive: true });
      }
    });

    it('delivers a code with the right state: it is refused', async () => {
      const login = startLogin(metadata(scripted));
      const url = callbackUrl(await login.waiting, { code: 'foreign' }).href;
      expect((await runAttack({ url })).stdout).toBe('STATUS 403\n');
      expect(ignoredReasons(login)).toEqual(['user']);
      expect(await finishOwnLogin(login)).toBe('token-of-own');
    });

    it.each<[string, Leaving]>([
      ['closes its socket, which the kernel then lists as one of root', 'close'],
      ['resets the connection, which the kernel then lists no more', 'reset'],
    ])('delivers a code and %s, before the program looks: it is refused', async (_, leaving) => {
      const directory = temporaryDirectory();
      await chmod(directory, 0o777);
      const login = startLogin(metadata(scripted));
      const url = callbackUrl(await login.waiting, { code: 'foreign' }).href;
      const process = startProcess(attack, { task: { url, leaving, directory }, uid: otherUser });
      await process.printed('CONNECTED');
      await sendRequest(new URL('/none', url));
      writeFileSync(join(directory, 'go'), '');
      // This process, and with it the login, stands still until the attacker has left, and the kernel has acknowledged that.
      while (!existsSync(join(directory, 'left'))) pauseProcess(5);
      pauseProcess(300);
      await sendRequest(new URL('/none', url));
      expect(await finishOwnLogin(login)).toBe('token-of-own');
      expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['own']);
      await process.ended;
      await rm(directory, { recursive: true });
    });

    it.skipIf(!ipv6)('is refused over IPv6, and over IPv4 through an IPv6 socket (needs ::1)', async () => {
      for (const [redirectHost, address] of [
        ['[::1]', '::1'],
        ['127.0.0.1', '::ffff:127.0.0.1'],
      ] as const) {
        const login = startLogin(metadata(scripted), {}, { redirectHost });
        const url = callbackUrl(await login.waiting, { code: 'foreign' }).href;
        expect([address, (await runAttack({ url, address })).stdout]).toEqual([address, 'STATUS 403\n']);
        expect(await finishOwnLogin(login)).toBe('token-of-own');
      }
    });

    it('is told from root and from the user of a program without root', async () => {
      for (const [uid, expected] of [
        [otherUser, 'STATUS 403\n'],
        [userWithoutRoot, 'STATUS 303\n'],
        [0, 'STATUS 303\n'],
      ] as const) {
        const program = startProcess(new URL('../programs/login.ts', import.meta.url), {
          uid: userWithoutRoot,
          env: {
            PATH: process.env['PATH'],
            OA_SERVER: JSON.stringify(metadata(scripted)),
            OA_OPTIONS: JSON.stringify({ interaction: 'always', openBrowser: false, timeout: 20_000 }),
          },
        });
        const [printed] = await program.printed(/http\S+redirect_uri=\S+(?=\s)/);
        const url = answerUrl(printed, { code: 'c' });
        expect([uid, (await runAttack({ url }, uid)).stdout]).toEqual([uid, expected]);
        program.kill('SIGINT');
        await program.ended;
      }
    });
  },
);
