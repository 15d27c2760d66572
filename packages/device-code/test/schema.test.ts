import { type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { startDeviceLogin } from '@oa/device-code';
import type { AuthorizationServer } from '@oa/types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { authorization, client, metadataOf } from './setup.ts';

let scripted: ScriptedServer;
let server: AuthorizationServer;
beforeEach(async () => {
  scripted = await startScriptedServer();
  server = metadataOf(scripted);
});
afterEach(() => scripted.close());

describe('a device authorization response (RFC 8628 section 3.2)', () => {
  it('may have verification_url, numbers as strings, a useless interval and a useless verification_uri_complete', async () => {
    const { verification_uri: verification_url, verification_uri_complete: _, ...rest } = authorization;
    for (const odd of [{ interval: '3' }, { interval: 3 }]) {
      scripted.script({ '/device': { json: { ...rest, verification_url, expires_in: '900', ...odd } } });
      expect(await startDeviceLogin(server, client)).toMatchObject({
        verification_uri: verification_url,
        expires_in: 900,
        interval: 3,
      });
    }
    for (const interval of [0, -1, 0.001, null, 'soon', undefined]) {
      scripted.script({
        '/device': { json: { ...authorization, interval, verification_uri_complete: 'javascript:alert(1)' } },
      });
      const started = await startDeviceLogin(server, client);
      expect([started.interval, started.verification_uri_complete]).toEqual([5, undefined]);
    }
  });

  it.each([
    ['device_code', ''],
    ['device_code', undefined],
    ['user_code', undefined],
    ['user_code', '\u001B[2Jevil'],
    ['user_code', 'a\u202Eb'],
    ['verification_uri', 'javascript:alert(1)'],
    ['verification_uri', undefined],
    ['expires_in', undefined],
    ['expires_in', 0],
  ])('is refused with %s %j', async (name, value) => {
    scripted.script({ '/device': { json: { ...authorization, [name]: value } } });
    expect(await rejectionOf(startDeviceLogin(server, client))).toMatchObject({ code: 'invalid_response' });
  });
});
