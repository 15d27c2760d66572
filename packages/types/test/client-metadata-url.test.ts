import { assertClientMetadataUrl } from '@oa/types/rfc';
import { expect, it } from 'vitest';

const assertUrl = (url: unknown) => (): void => assertClientMetadataUrl(url, 'options.url');

it.each([
  'https://tool.example/client.json',
  'https://tool.example:8443/a/b',
  'https://tool.example/a?version=2',
  'https://tool.example/.well-known/..client',
  'https://tool.example/a?next=/../b',
  'http://127.0.0.1:3000/client.json',
  'http://localhost/client.json',
  'http://[::1]:3000/client.json',
])('takes %s as the URL of a client metadata document', (url) => {
  expect(assertUrl(url)).not.toThrow();
});

it.each<[unknown, RegExp]>([
  [undefined, /no absolute URL/],
  [5, /no absolute URL/],
  ['', /no absolute URL/],
  ['tool.example/client.json', /no absolute URL/],
  ['http://tool.example/client.json', /does not use https/],
  ['http://127.0.0.2/client.json', /does not use https/],
  ['ftp://localhost/client.json', /does not use https/],
  ['https://tool.example', /has no path/],
  ['https://tool.example/', /has no path/],
  ['https://tool.example/?client.json', /has no path/],
  ['https://tool.example/client.json#a', /has a fragment/],
  ['https://tool.example/client.json#', /has a fragment/],
  ['https://me@tool.example/client.json', /has a user name/],
  ['https://me:pass@tool.example/client.json', /has a user name/],
  ['https://tool.example/a/../client.json', /has a dot segment/],
  ['https://tool.example/./client.json', /has a dot segment/],
  ['https://tool.example/a/%2E%2e/client.json', /has a dot segment/],
  ['https://tool.example/a/..', /has a dot segment/],
  ['https://tool.example/a/..?version=2', /has a dot segment/],
  ['https://Tool.example/client.json', /Write it as https:\/\/tool\.example\/client\.json/],
  ['https://tool.example:443/client.json', /Write it as https:\/\/tool\.example\/client\.json/],
  ['https://tool.example/client json', /Write it as https:\/\/tool\.example\/client%20json/],
  [' https://tool.example/client.json', /Write it as/],
  ['https:\\\\tool.example\\client.json', /Write it as/],
])('refuses %j as the URL of a client metadata document, and says why', (url, reason) => {
  expect(assertUrl(url)).toThrow(TypeError);
  expect(assertUrl(url)).toThrow(/^options\.url must be the https URL of a client metadata document/);
  expect(assertUrl(url)).toThrow(reason);
});
