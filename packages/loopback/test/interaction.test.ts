import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInteractive } from '../src/index.ts';
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
