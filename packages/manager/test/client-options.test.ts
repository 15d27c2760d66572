import { createManager, type ManagerOptions } from '@oa/manager';
import { expect, it } from 'vitest';

const url = 'https://tool.example/client.json';
const manyPorts = (count: number): number[] => Array.from({ length: count }, (_, index) => 20_000 + index);

it.each<[unknown, RegExp]>([
  [null, /options\.clientMetadata must be an object/],
  [url, /options\.clientMetadata must be an object/],
  [{}, /options\.clientMetadata\.url must be the https URL/],
  [{ url: 'http://tool.example/client.json' }, /options\.clientMetadata\.url must be .* does not use https/],
  [{ url: 'https://tool.example' }, /options\.clientMetadata\.url must be .* has no path/],
  [{ url: `${url}#a` }, /options\.clientMetadata\.url must be .* has a fragment/],
  [{ url: 'https://tool.example/a/../b' }, /options\.clientMetadata\.url must be .* dot segment/],
  [{ url: 'https://me@tool.example/a' }, /options\.clientMetadata\.url must be .* user name/],
  [{ url, port: 1 }, /options\.clientMetadata has no member port\. Use url and ports\./],
  [{ url, ports: [] }, /options\.clientMetadata\.ports must be a non-empty array/],
  [{ url, ports: [0] }, /options\.clientMetadata\.ports must be a non-empty array/],
  [{ url, ports: 8400 }, /options\.clientMetadata\.ports must be a non-empty array/],
])('rejects the client metadata %j at once', (clientMetadata, message) => {
  const create = (): unknown => createManager({ clientMetadata } as ManagerOptions);
  expect(create).toThrow(TypeError);
  expect(create).toThrow(message);
});

it.each([
  { clientMetadata: { url } },
  { clientMetadata: { url: 'http://127.0.0.1:3000/client.json', ports: undefined } },
  { clientMetadata: { url, ports: [8400, 8401] }, login: { port: 8401 } },
  { clientMetadata: { url }, login: { port: 8401 } },
])('takes %j', (options) => {
  expect(() => createManager(options)).not.toThrow();
});

it('takes 40 ports of a document at most, and says so: servers may read 5 KiB only', () => {
  const create = (ports: number[]) => (): unknown => createManager({ clientMetadata: { url, ports } });
  expect(create([...manyPorts(40), 20_000])).not.toThrow();
  const message =
    'options.clientMetadata.ports must have at most 40 ports, and has 41: servers may refuse a larger document.';
  expect(create(manyPorts(41))).toThrow(new TypeError(message));
});

it.each([8402, 0, [8400, 8402]])('rejects the login port %j, which the document does not name', (port) => {
  const create = (): unknown => createManager({ clientMetadata: { url, ports: [8400, 8401] }, login: { port } });
  expect(create).toThrow(/options\.login\.port must be one of options\.clientMetadata\.ports/);
});

it.each(['', 'two words', 's3cret\n', 's3crét', 5])(
  'rejects the initial access token %j, and does not show it',
  (token) => {
    const create = (): unknown => createManager({ initialAccessToken: token } as ManagerOptions);
    expect(create).toThrow(/options\.initialAccessToken must be a string.*environment variable/);
    expect(create).not.toThrow(/s3cr/);
  },
);
