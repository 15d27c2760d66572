import { stripVTControlCharacters } from 'node:util';
import { deviceLoginText, type DeviceLogin } from '@oa/device-code';
import { describe, expect, it } from 'vitest';

const started: DeviceLogin = {
  device_code: 'secret-device-code',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.example/device',
  expires_in: 600,
  expires_at: 2_000_000_000,
  interval: 5,
};
const complete = { ...started, verification_uri_complete: 'https://as.example/device?user_code=WDJB-MJHT' };

describe('the code is always in the text (RFC 8628 section 3.3.1)', () => {
  it('without a complete URI', async () => {
    expect(await deviceLoginText(started, { columns: 80 })).toBe(`To log in at as.example, open

    https://as.example/device

on any device within 10 minutes, and enter the code

    WDJB-MJHT
`);
  });

  it('with a complete URI, for the user to compare', async () => {
    expect(await deviceLoginText({ ...complete, expires_in: 59 })).toBe(`To log in at as.example, open

    https://as.example/device?user_code=WDJB-MJHT

on any device within 1 minute, and check that it shows the code

    WDJB-MJHT

(or enter it at https://as.example/device)
`);
  });

  it('with a QR code of the complete URI where the terminal is wide enough', async () => {
    const text = await deviceLoginText(complete, { columns: 80 });
    const rows = text.split('\n').filter((line) => line.startsWith('\u001B[97;40m'));
    expect(rows.length).toBeGreaterThan(12);
    expect(rows.every((row) => row.endsWith('\u001B[0m'))).toBe(true);
    const width = stripVTControlCharacters(rows[0] ?? '').length;
    expect(text.replace(`${rows.join('\n')}\n\n`, '')).toBe(await deviceLoginText(complete));
    expect(await deviceLoginText(complete, { columns: width })).toBe(text);
    expect(await deviceLoginText(complete, { columns: width - 1 })).toBe(await deviceLoginText(complete));
    expect(text).toContain('    WDJB-MJHT\n');
  });

  it('without a QR code where the URI does not fit into one', async () => {
    const long = { ...complete, verification_uri_complete: `https://as.example/?${'x'.repeat(4000)}` };
    expect(await deviceLoginText(long, { columns: 1000 })).toBe(await deviceLoginText(long));
  });
});
