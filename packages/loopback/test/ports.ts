import { createServer, type AddressInfo, type Server } from 'node:net';
import type { ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { LoginOptions } from '@oa/loopback';
import { followCallback, startLogin, callbackUrl, client, ipv6, metadata, sendRequest } from './help.ts';

/** Listens on a port of some addresses. Port 0 is a port that is free on all of them. */
export async function occupy(
  hosts: string[],
  port = 0,
): Promise<{ port: number; [Symbol.asyncDispose](): Promise<void> }> {
  const servers: Server[] = [];
  let actual = port;
  for (const host of hosts) {
    const server = createServer((socket) => socket.destroy());
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port: actual, ipv6Only: true }, resolve);
    });
    actual = (server.address() as AddressInfo).port;
  }
  return {
    port: actual,
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))),
  };
}

export const LOOPBACK = ipv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];

/** The hosts of the address families that this machine has. */
export const FAMILIES = ipv6 ? ['127.0.0.1', '[::1]'] : ['127.0.0.1'];

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  await using held = await occupy(LOOPBACK);
  return held.port;
}

/** Logs in, and returns the redirect URI and the hosts that answered; instead of the URI the code of the error. */
export async function observeRedirect(
  scripted: ScriptedServer,
  options: LoginOptions,
  redirect_uris?: string[],
): Promise<{ uri: string; families: string[] }> {
  const registered = redirect_uris === undefined ? client : { ...client, redirect_uris };
  const { waiting, token } = startLogin(metadata(scripted), {}, { ...options, client: registered });
  const event = await waiting.catch(() => undefined);
  if (event === undefined) return { uri: (await rejectionOf(token)).code, families: [] };
  const { port } = new URL(event.redirect_uri);
  const families: string[] = [];
  for (const host of ['127.0.0.1', '[::1]']) {
    const answer = await sendRequest(`http://${host}:${port}/none`).catch(() => undefined);
    if (answer?.status === 404 && answer.headers['referrer-policy'] === 'no-referrer') families.push(host);
  }
  await followCallback(callbackUrl(event, { code: 'c' }));
  await token;
  return { uri: event.redirect_uri.replace(`:${port}`, options.port === undefined ? ':*' : `:${port}`), families };
}
