import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomText } from '@oa/mechanisms';
import { COMMON_HEADERS } from './page.ts';

/**
 * The one-time address that a browser is started with. Other users can read the arguments of the browser, so `state` and challenge must
 * not be among them: the address redirects to the authorization URL.
 */
export interface StartAddress {
  path: string;
  /** The authorization URL. */
  location: string;
  /** Set by the first answer, so that the same browser may request the address again. */
  cookie?: string;
}

/** Creates a {@link StartAddress} with 256 random bits. */
export function createStartAddress(location: string): StartAddress {
  return { path: `/${randomText()}`, location };
}

/** Whether another browser has opened the address before this request. */
export function isOpenedElsewhere({ cookie }: StartAddress, request: IncomingMessage): boolean {
  return cookie !== undefined && !(request.headers.cookie ?? '').split('; ').includes(cookie);
}

/** Redirects the browser to the authorization URL. */
export function sendToServer(start: StartAddress, response: ServerResponse): void {
  start.cookie ??= `login=${randomText()}`;
  // All ports of a host share their cookies. The path keeps this one from other programs.
  const cookie = `${start.cookie}; Path=${start.path}; HttpOnly; SameSite=Lax`;
  response.writeHead(303, { ...COMMON_HEADERS, location: start.location, 'set-cookie': cookie }).end();
}
