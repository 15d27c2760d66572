import { documentRedirectUris } from '@oa/types/rfc';
import { expect, it } from 'vitest';

it('has each loopback host and port once', () => {
  expect(documentRedirectUris([8400, 8401, 8400], 'ports')).toEqual([
    'http://127.0.0.1:8400/callback',
    'http://[::1]:8400/callback',
    'http://localhost:8400/callback',
    'http://127.0.0.1:8401/callback',
    'http://[::1]:8401/callback',
    'http://localhost:8401/callback',
  ]);
});

it('has no port where none is named (RFC 8252 section 7.3)', () => {
  expect(documentRedirectUris(undefined, 'ports')).toEqual([
    'http://127.0.0.1/callback',
    'http://[::1]/callback',
    'http://localhost/callback',
  ]);
});

it.each<[unknown, string]>([
  [[], 'options.ports must be a non-empty array of port numbers from 1 to 65535.'],
  [[0], 'options.ports must be a non-empty array'],
  [[65_536], 'options.ports must be a non-empty array'],
  [['8400'], 'options.ports must be a non-empty array'],
  [8400, 'options.ports must be a non-empty array'],
])('refuses %j', (ports, message) => {
  const make = (): unknown => documentRedirectUris(ports as number[], 'options.ports');
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});

it('leaves room for the other members within the 5,120 bytes that servers may read: at most 40 ports', () => {
  const ports = Array.from({ length: 40 }, (_, index) => 20_000 + index);
  expect(JSON.stringify(documentRedirectUris(ports, 'ports')).length).toBeLessThan(4096);
  expect(() => documentRedirectUris([...ports, 1], 'ports')).toThrow('ports must have at most 40 ports, and has 41');
});
