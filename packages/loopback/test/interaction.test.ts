import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isInteractive, reasonNotInteractive } from '@oa/loopback';
import { startLogin, grantTokens, metadata } from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

it('answers whether a login with these options can ask the user', () => {
  const { isTTY } = process.stderr;
  try {
    process.stderr.isTTY = false;
    const paste = { input: process.stdin, output: process.stderr };
    const options = [{}, { openBrowser: true }, { paste: true }, { openBrowser: () => undefined }, { paste }] as const;
    expect(options.map((each) => isInteractive(each))).toEqual([false, false, false, true, true]);
    expect(options.map((each) => isInteractive({ ...each, interaction: 'always' }))).toEqual(Array(5).fill(true));
    expect(options.map((each) => isInteractive({ ...each, interaction: 'never' }))).toEqual(Array(5).fill(false));
    expect(isInteractive()).toBe(false);
  } finally {
    process.stderr.isTTY = isTTY;
  }
});

it('names what keeps the user from being asked, and the way out', () => {
  const { stdin, stderr } = process;
  const before = [stdin.isTTY, stderr.isTTY];
  try {
    stdin.isTTY = stderr.isTTY = false;
    vi.stubEnv('CI', 'true');
    expect(reasonNotInteractive()).toBe('No user can be asked, because neither stdin nor stderr is a terminal.');
    expect(reasonNotInteractive({ openBrowser: () => undefined })).toBeUndefined();
    stderr.isTTY = true;
    expect(reasonNotInteractive()).toBe(
      'No user can be asked, because the environment variable CI is set (CI=true). If you are at this terminal, unset CI, or set CI=false.',
    );
    vi.stubEnv('CI', `\u001B[2J${'x'.repeat(99)}`);
    expect(reasonNotInteractive()).toContain(`(CI=[2J${'x'.repeat(17)})`);
    expect(reasonNotInteractive({ interaction: 'never' })).toBe(
      "No user can be asked, because the option interaction is 'never'.",
    );
    expect(reasonNotInteractive({ interaction: 'always' })).toBeUndefined();
    vi.stubEnv('CI', 'false');
    expect(reasonNotInteractive()).toBeUndefined();
  } finally {
    [stdin.isTTY, stderr.isTTY] = before as [boolean, boolean];
    vi.unstubAllEnvs();
  }
});

describe('rejects with login_required before anything listens', () => {
  it.each([
    ['interaction is never', { interaction: 'never', openBrowser: () => expect.unreachable() } as const],
    ['there is no terminal', { openBrowser: true }],
    ['openBrowser is false and there is no terminal', { openBrowser: false }],
  ])('if %s', async (_, options) => {
    const { isTTY } = process.stderr;
    try {
      process.stderr.isTTY = false;
      const { token, events } = startLogin(metadata(scripted), {}, options);
      expect(await rejectionOf(token)).toMatchObject({ code: 'login_required', retryable: false });
      expect(events).toEqual([]);
    } finally {
      process.stderr.isTTY = isTTY;
    }
  });
});
