import type { IncomingMessage } from 'node:http';
import type { OAuthEvent } from '@oa/types';
import { LOOPBACK_HOSTS } from '@oa/types/rfc';
import { isFormPost } from './answer.ts';
import { toRedirectUri, type RedirectTarget } from './redirect.ts';

/** Why a request was ignored. */
export type IgnoredReason = Extract<OAuthEvent, { type: 'callback_ignored' }>['reason'];

/** The addresses of a receiver. */
export interface ReceiverAddresses {
  origin: string;
  port: number;
  redirect_uri: string;
  /** The path of the redirect URI. */
  callbackPath: string;
  /** The path of the page that the browser ends on. */
  donePath: string;
}

/** Returns the addresses of a receiver that serves `target` on `port`. */
export function toReceiverAddresses(target: RedirectTarget, port: number): ReceiverAddresses {
  const origin = `http://${target.host}:${port}`;
  const callbackPath = target.path.split('?', 1)[0] || '/';
  const donePath = `${callbackPath.replace(/\/$/, '')}/done`;
  return { origin, port, redirect_uri: toRedirectUri(target, port), callbackPath, donePath };
}

/**
 * Returns what makes a request none of the receiver's, `undefined` if it is a GET of one of `paths`, or an answer that was posted to the
 * first of them. `routine`: browsers send a HEAD and a preflight by themselves, and requests for a favicon and the like.
 */
export function toIgnoredReason(
  request: IncomingMessage,
  port: number,
  paths: readonly (string | undefined)[],
): IgnoredReason | undefined {
  // DNS rebinding: a web site can make its own name point to this port.
  if (!isReceiverHost(request.headers.host, port)) return 'host';
  const [path] = splitTarget(request);
  if (isRoutine(request.method, path)) return 'routine';
  if (!paths.includes(path)) return 'path';
  return request.method === 'GET' || (path === paths[0] && isFormPost(request)) ? undefined : 'method';
}

/** Files that browsers and their developer tools ask every site for. */
const ROUTINE_PATH =
  /^\/(?:(?:favicon|apple-touch-icon)[\w-]*\.(?:ico|png|svg)|(?:site|manifest)\.webmanifest|manifest\.json|browserconfig\.xml|robots\.txt|\.well-known\/.*)$/;

function isRoutine(method: string | undefined, path: string): boolean {
  return ['HEAD', 'OPTIONS'].includes(method ?? '') || ROUTINE_PATH.test(path);
}

/** Splits the target of a request into its path and its query. */
export function splitTarget(request: IncomingMessage): [path: string, query: string] {
  const [path = '', query = ''] = (request.url ?? '').split(/\?(.*)/s, 2);
  return [path, query];
}

function isReceiverHost(host: string | undefined, port: number): boolean {
  return LOOPBACK_HOSTS.some((name) => host === `${name}:${port}` || (port === 80 && host === name));
}
