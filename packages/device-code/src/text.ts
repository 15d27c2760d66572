import type { DeviceLogin } from './start.ts';

/** White on black, whatever the terminal's own colours are: scanners want the light modules light. */
const QR_COLOURS = '\u001B[97;40m';
const PLAIN = '\u001B[0m';
/** Bytes that the largest QR code holds at the level of error correction that is used. */
const MOST_BYTES = 2953;

/**
 * What a person has to be told: where to go, and the code, which is there also if the URL holds it (RFC 8628 section
 * 3.3.1), so that it can be compared. On a terminal at least `columns` wide, a QR code of that URL as well; none without it.
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
  if (new TextEncoder().encode(text).length > MOST_BYTES) return '';
  const { renderUnicodeCompact } = await import('uqr');
  const lines = renderUnicodeCompact(text, { border: 2 }).split('\n');
  if (lines.some((line) => line.length > columns)) return '';
  return `${lines.map((line) => `${QR_COLOURS}${line}${PLAIN}\n`).join('')}\n`;
}
