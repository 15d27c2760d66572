import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { OAuthError } from '@oa/types';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { request } from '@oa/http';
import { closedHost, closeServers, startSocketServer } from './sockets.ts';

const PROXY = 'http://user:planted-secret@proxy.example:3128';
const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

beforeEach(() => {
  for (const name of PROXY_VARIABLES) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await closeServers();
});

/** Too short for a second attempt. */
async function failureOf(url: string, fetch?: typeof globalThis.fetch): Promise<OAuthError> {
  const error = await rejectionOf(request('GET', url, { idempotent: false, timeout: 250, fetch }));
  expect(inspectAll(error)).not.toMatch(/planted-secret|user:/);
  return error;
}

describe('a proxy variable that Node.js does not use', () => {
  it.each([
    ['HTTPS_PROXY', 'https:'],
    ['https_proxy', 'https:'],
    ['HTTP_PROXY', 'http:'],
    ['http_proxy', 'http:'],
    ['HTTP_PROXY', 'https:'],
  ])('%s is named after a failure of an %s address, without its value', async (variable, protocol) => {
    vi.stubEnv(variable, PROXY);
    const { message } = await failureOf(`${protocol}//${await closedHost()}/`);
    expect(message).toMatch(new RegExp(` ${variable} is set, but Node\\.js .* only with NODE_USE_ENV_PROXY=1`));
  });

  it.each(['ALL_PROXY', 'all_proxy'])('%s is named, because Node.js never uses it', async (variable) => {
    vi.stubEnv(variable, PROXY.replace('http', 'socks5'));
    const { message } = await failureOf(`https://${await closedHost()}/`);
    expect(message).toContain(`${variable} is set, but Node.js does not use it.`);
  });

  it('HTTPS_PROXY is not named after a failure of an http: address', async () => {
    vi.stubEnv('HTTPS_PROXY', PROXY);
    expect((await failureOf(`http://${await closedHost()}/`)).message).not.toContain('PROXY');
  });

  it('is named in the error of a timeout', async () => {
    vi.stubEnv('HTTPS_PROXY', PROXY);
    const error = await failureOf(`https://${await startSocketServer(() => undefined)}/`);
    expect(error.code).toBe('timeout');
    expect(error.message).toContain('HTTPS_PROXY is set, but');
  });

  it.each(['127.0.0.1', '*', 'as.example, 127.0.0.1', '.0.0.1', '*.0.0.1', '127.0.0.1:PORT'])(
    'is not named for a host in NO_PROXY=%s',
    async (list) => {
      const host = await closedHost();
      vi.stubEnv('HTTPS_PROXY', PROXY);
      for (const name of ['NO_PROXY', 'no_proxy']) {
        vi.stubEnv('NO_PROXY', undefined);
        vi.stubEnv(name, list.replace('PORT', host.split(':')[1] ?? ''));
        expect((await failureOf(`https://${host}/`)).message).not.toContain('HTTPS_PROXY');
      }
    },
  );

  it.each(['other.example', '127.0.0.1:1', '7.0.0.1', ''])(
    'is named for a host that is not in NO_PROXY=%s',
    async (list) => {
      vi.stubEnv('HTTPS_PROXY', PROXY);
      vi.stubEnv('NO_PROXY', list);
      expect((await failureOf(`https://${await closedHost()}/`)).message).toContain('HTTPS_PROXY is set, but');
    },
  );

  it('is not named if the program passes its own fetch, which may use a proxy', async () => {
    vi.stubEnv('HTTPS_PROXY', PROXY);
    const fetch = (): Promise<Response> => Promise.reject(new TypeError('fetch failed'));
    expect((await failureOf('https://as.example/', fetch)).message).not.toContain('HTTPS_PROXY');
  });
});
