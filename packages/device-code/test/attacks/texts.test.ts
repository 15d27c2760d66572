import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { awaitDeviceLogin, deviceLoginText, startDeviceLogin, type DeviceLogin } from '@oa/device-code';
import type { AuthorizationServer } from '@oa/types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { authorization, client, metadataOf } from '../setup.ts';

/** Control characters (escape sequences), format characters (text that runs backwards), and what breaks lines. */
const CONTROL = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u;

let scripted: ScriptedServer;
let server: AuthorizationServer;
beforeEach(async () => {
  scripted = await startScriptedServer();
  server = metadataOf(scripted);
});
afterEach(() => scripted.close());

async function startWith(members: object): Promise<DeviceLogin> {
  scripted.script({ '/device': { json: { ...authorization, verification_uri_complete: undefined, ...members } } });
  return startDeviceLogin(server, client);
}

describe('a verification_uri that could lead the user to another host is refused (RFC 8628 section 5.4)', () => {
  it.each([
    ['with a user name', 'https://bank.example@evil.example/device'],
    ['with a password', 'https://bank.example:443@evil.example/device'],
    ['without https', 'http://as.example/device'],
    ['of another scheme', 'ssh://as.example/device'],
    ['of 301 characters', `https://as.example/${'x'.repeat(282)}`],
    ['with a line break', 'https://as.example/\nRun this command:'],
    ['with a separator of lines', 'https://as.example/\u2028Run this command:'],
    ['with an escape sequence', 'https://as.example/\u001B[2J'],
    ['that runs backwards', 'https://as.example/\u202Eelpmaxe.knab'],
  ])('%s', async (_, verification_uri) => {
    expect(await rejectionOf(startWith({ verification_uri }))).toMatchObject({ code: 'invalid_response' });
    // The complete one is optional: the login goes on without it.
    const started = await startWith({ verification_uri_complete: verification_uri });
    expect(started).not.toHaveProperty('verification_uri_complete');
  });

  it('but not with 300 characters, or on a loopback host', async () => {
    for (const verification_uri of [`https://as.example/${'x'.repeat(281)}`, 'http://127.0.0.1:1/device'])
      expect(await startWith({ verification_uri })).toMatchObject({ verification_uri });
  });
});

it.each([
  ['a line break', 'ABCD\nOpen https://evil.example'],
  ['a separator of paragraphs', 'ABCD\u2029Open https://evil.example'],
  ['an escape sequence', '\u001B]8;;https://evil.example\u0007ABCD'],
  ['a surrogate', 'AB\uD800CD'],
  ['101 characters', 'A'.repeat(101)],
])('a user_code with %s is refused', async (_, user_code) => {
  expect(await rejectionOf(startWith({ user_code }))).toMatchObject({ code: 'invalid_response' });
});

it('the host comes first, and letters of other scripts are shown in ASCII (RFC 8628 section 5.4)', async () => {
  // The first letter a is Cyrillic.
  const started = await startWith({ verification_uri: 'https://pаypal.example/device' });
  const printed: string[] = [];
  const controller = new AbortController();
  const print = (text: string): void => {
    printed.push(text);
    controller.abort(new Error('seen'));
  };
  await expect(awaitDeviceLogin(server, client, started, { print, signal: controller.signal })).rejects.toThrow('seen');
  expect(printed[0]).toMatch(
    /^To log in at xn--pypal-4ve\.example, open\n\n {4}https:\/\/xn--pypal-4ve\.example\/device\n/,
  );
});

it('a text that was made of other members than startDeviceLogin returns has neither user names nor control characters', async () => {
  const text = await deviceLoginText({
    device_code: 'd',
    user_code: 'AB\u001B[2J\nCD',
    verification_uri: 'https://bank.example@evil.example/\n\u001B[2J',
    verification_uri_complete: 'https://bank.example@evil.example/\u202E',
    expires_in: 60,
    expires_at: 2_000_000_000,
    interval: 5,
  });
  expect(text).not.toMatch(CONTROL);
  expect(text).not.toContain('@');
  expect(text).toMatch(/^To log in at evil\.example, open\n\n {4}https:\/\/evil\.example\/%E2%80%AE\n/);
  expect(text).toContain('\n    AB[2JCD\n');
});
