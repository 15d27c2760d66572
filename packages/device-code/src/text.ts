import type { DeviceLogin } from './device-login.ts';

/** White on black in any colour scheme of the terminal: scanners need the light modules light. */
const QR_COLOURS = '\u001B[97;40m';
const RESET_COLOURS = '\u001B[0m';
/** The capacity of the largest QR code at the level of error correction that is used. */
const MAX_QR_BYTES = 2953;

/**
 * Makes the text that tells the user where to log in, and the code. The code is there also if the URL holds it, so that the user can
 * compare. On a terminal that is wide enough, the text has a QR code of that URL.
 *
 * @param options `columns` is the width of the terminal, in characters. Without it there is no QR code.
 * @throws {TypeError} if `started` is not what startDeviceLogin returned
 * @see https://www.rfc-editor.org/rfc/rfc8628#section-3.3.1
 */
export async function deviceLoginText(
  started: DeviceLogin,
  options: { columns?: number | undefined } = {},
): Promise<string> {
  const { user_code, verification_uri, verification_uri_complete: complete, expires_in } = started;
  const minutes = Math.max(1, Math.round(expires_in / 60));
  const code = `    ${user_code}\n`;
  const within = `within ${minutes} minute${minutes === 1 ? '' : 's'}`;
  if (complete === undefined)
    return `To log in, open\n\n    ${verification_uri}\n\non any device ${within}, and enter the code\n\n${code}`;
  const picture = options.columns === undefined ? '' : await qrCode(complete, options.columns);
  return `To log in, open\n\n    ${complete}\n\n${picture}on any device ${within}, and check that it shows the code\n\n${code}\n(or enter it at ${verification_uri})\n`;
}

async function qrCode(text: string, columns: number): Promise<string> {
  if (new TextEncoder().encode(text).length > MAX_QR_BYTES) return '';
  const { renderUnicodeCompact } = await import('uqr');
  const lines = renderUnicodeCompact(text, { border: 2 }).split('\n');
  if (lines.some((line) => line.length > columns)) return '';
  return `${lines.map((line) => `${QR_COLOURS}${line}${RESET_COLOURS}\n`).join('')}\n`;
}
