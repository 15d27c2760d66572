import type { Client } from '@oa/types';
import { createManager, type ManagerOptions } from '@oa/manager';
import { expect, it } from 'vitest';

it('rejects an unknown option with a TypeError that lists the options', () => {
  expect(() => createManager({ leway: 3 } as never)).toThrow(/no option leway. Use app, /);
});

it.each([
  [{ leeway: Number.NaN }, /options.leeway must be a number of milliseconds/],
  [{ timeout: -1 }, /options.timeout must be a number of milliseconds/],
  [{ timeout: 0 }, /options.timeout must be a number of milliseconds from 1 to 1073741823/],
  [{ timeout: 2 ** 30 }, /options.timeout must be a number of milliseconds from 1 to 1073741823/],
  [{ authentication: {} as never }, /options.authentication must be the name of a method, or a function/],
  [
    { discovery: { fallback: 'guess' as never } },
    /options.discovery.fallback must be 'conventional', 'origin' or 'none'/,
  ],
  [{ preset: 'oauth' as never }, /options.preset must be 'mcp'/],
  [{ discovery: null as never }, /options.discovery must be an object/],
  [{ discovery: [] as never }, /options.discovery must be an object/],
  [{ discovery: 'none' as never }, /options.discovery must be an object/],
  [{ discovery: { fresh: true } as never }, /options.discovery has no member fresh/],
  [{ discovery: { requirePkce: 'yes' as never } }, /options.discovery.requirePkce must be a boolean/],
  [{ login: { requirePkce: true } as never }, /options.login.requirePkce is not.* options.discovery/],
  [{ storage: 'keyring' } as never, /options.storage must be 'file' or 'keychain'/],
  [
    { storage: 'keychain', cache: new Map() } as never,
    /options.storage says .*, and options.cache replaces them. Pass cache: fileTokenCache\({ encryption }\)/,
  ],
  [{ storage: 'file', cache: new Map() } as never, /options.cache replaces them/],
  [{ interaction: 'maybe' as never }, /options.interaction must be 'auto', 'always' or 'never'/],
])('rejects the impossible option %o with a TypeError', (options, message) => {
  expect(() => createManager(options)).toThrow(TypeError);
  expect(() => createManager(options)).toThrow(message);
});

it.each(['authentication', 'fetch', 'signal', 'now', 'onEvent', 'interaction', 'requestTimeout'])(
  'rejects %s as an option of the login: it would be lost at the refresh',
  (name) => {
    expect(() => createManager({ login: { [name]: undefined } })).toThrow(`options.login.${name} is not`);
  },
);

it.each([
  [{ cache: {} as never }, /options.cache must be a store with the methods get, set, delete/],
  [{ cache: 'tokens' as never }, /options.cache must be a store/],
  [{ cache: { ...store(), lock: true } as never }, /options.cache.lock must be a function, or absent/],
  [{ cache: { ...store(), reserve: 'yes' } as never }, /options.cache.reserve must be a function, or absent/],
  [{ cache: { ...store(), keys: [] } as never }, /options.cache.keys must be a function, or absent/],
  [{ clients: new Map() as never }, /options.clients must be a store with the methods lookup, getOrRegister, remove/],
])('rejects a store that lacks a method when it is passed, not after a grant', (options, message) => {
  expect(() => createManager(options)).toThrow(TypeError);
  expect(() => createManager(options)).toThrow(message);
});

it('takes every option as undefined', () => {
  const options = {
    app: undefined,
    authentication: undefined,
    cache: undefined,
    clients: undefined,
    discovery: undefined,
    preset: undefined,
    interaction: undefined,
    leeway: undefined,
    login: undefined,
    registration: undefined,
    clientMetadata: undefined,
    initialAccessToken: undefined,
    fetch: undefined,
    timeout: undefined,
    now: undefined,
    onEvent: undefined,
  };
  expect(() => createManager(options)).not.toThrow();
});

it('takes client metadata, and no client, as registration', () => {
  const client: Client = { client_id: 'c', client_secret: 's' };
  const options: ManagerOptions[] = [
    { registration: { client_name: 'Tool', client_uri: undefined } },
    // @ts-expect-error -- a secret is not metadata
    { registration: client },
    // @ts-expect-error -- a name is a string
    { registration: { client_name: 5 } },
  ];
  expect(options).toHaveLength(3);
});

function store(): object {
  return { get: () => undefined, set: () => undefined, delete: () => undefined };
}
