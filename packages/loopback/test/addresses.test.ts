import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { splitTarget, toIgnoredReason, toReceiverAddresses } from '../src/addresses.ts';

function request(host: string | undefined, url: string | undefined, method = 'GET'): IncomingMessage {
  return { headers: { host }, url, method } as IncomingMessage;
}

it.each([
  ['127.0.0.1:80', '/callback', 'GET', undefined],
  ['127.0.0.1', '/callback', 'GET', undefined],
  ['localhost', '/callback?code=1', 'GET', undefined],
  ['rebound.example', '/callback', 'GET', 'host'],
  [undefined, '/callback', 'GET', 'host'],
  ['127.0.0.1', '/other', 'GET', 'path'],
  ['127.0.0.1', undefined, 'GET', 'path'],
  ['127.0.0.1', '/callback', 'POST', 'method'],
  ['127.0.0.1', '/callback?code=1', 'HEAD', 'routine'],
  ['127.0.0.1', '/callback', 'OPTIONS', 'routine'],
  ['127.0.0.1', '/favicon.ico', 'GET', 'routine'],
  ['127.0.0.1', '/apple-touch-icon-120x120-precomposed.png', 'GET', 'routine'],
  ['127.0.0.1', '/site.webmanifest', 'GET', 'routine'],
  ['127.0.0.1', '/robots.txt', 'GET', 'routine'],
  ['127.0.0.1', '/.well-known/appspecific/com.chrome.devtools.json', 'GET', 'routine'],
])('on port 80, ignores a request of host %s for %s by %s because of its %s', (host, url, method, reason) => {
  expect(toIgnoredReason(request(host, url, method), 80, ['/callback', undefined])).toBe(reason);
});

it('does not accept a host without the port on another port than 80', () => {
  expect(toIgnoredReason(request('127.0.0.1', '/callback'), 8080, ['/callback'])).toBe('host');
});

it.each([
  ['/callback?code=1&state=a?b', ['/callback', 'code=1&state=a?b']],
  ['/callback', ['/callback', '']],
  [undefined, ['', '']],
])('splits the target %s', (url, parts) => {
  expect(splitTarget(request('127.0.0.1', url))).toEqual(parts);
});

it('has the root as callback path of a redirect URI without a path', () => {
  const addresses = toReceiverAddresses({ host: '127.0.0.1', path: '', port: 0 }, 5000);
  expect(addresses).toMatchObject({ redirect_uri: 'http://127.0.0.1:5000', callbackPath: '/', donePath: '/done' });
});
