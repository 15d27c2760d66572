import type { DeviceLogin } from './device-login.ts';

/** White on black in any colour scheme of the terminal: scanners need the light modules light. */
const QR_COLOURS = '\u001B[97;40m';
const RESET_COLOURS = '\u001B[0m';
/** The capacity of the largest QR code at the level of error correction that is used. */
const MAX_QR_BYTES = 2953;

/**
 * Makes the text that tells the user where to log in, the host first, and the code. The code is there also if the URL holds it, so that the user can
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
  const minutes = Math.max(1, Math.round(started.expires_in / 60));
  const code = `    ${started.user_code.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')}\n`;
  const within = `within ${minutes} minute${minutes === 1 ? '' : 's'}`;
  const plain = toShownUrl(started.verification_uri);
  if (started.verification_uri_complete === undefined)
    return `To log in at ${plain.host}, open\n\n    ${plain.href}\n\non any device ${within}, and enter the code\n\n${code}`;
  const { host, href } = toShownUrl(started.verification_uri_complete);
  const picture = options.columns === undefined ? '' : await qrCode(href, options.columns);
  return `To log in at ${host}, open\n\n    ${href}\n\n${picture}on any device ${within}, and check that it shows the code\n\n${code}\n(or enter it at ${plain.href})\n`;
}

/** Its host comes first, and is written in ASCII, where no letter looks like another one. */
function toShownUrl(text: string): URL {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return url;
}

async function qrCode(text: string, columns: number): Promise<string> {
  if (new TextEncoder().encode(text).length > MAX_QR_BYTES) return '';
  const { renderUnicodeCompact } = await import('uqr');
  const lines = renderUnicodeCompact(text, { border: 2 }).split('\n');
  if (lines.some((line) => line.length > columns)) return '';
  return `${lines.map((line) => `${QR_COLOURS}${line}${RESET_COLOURS}\n`).join('')}\n`;
}
