import { MAX_TIMER_MS } from '@oa/mechanisms';
import type { Client } from '@oa/types';
import { assertClientOptions } from './client-options.ts';
import { assertDiscoveryOption, assertPreset } from './discovery-option.ts';
import { isClientStore, type LoginOptionOfManager, type ManagerOptions } from './options.ts';
import { assertRedirectUris } from './redirect-uris.ts';

/** A refresh request goes on for twice as long as its callers wait. */
const MAX_TIMEOUT_MS = Math.floor(MAX_TIMER_MS / 2);
const MANAGER_OPTION_NAMES =
  'app authentication bearerTypes cache clients discovery dpop interaction leeway login preset registration stepUp storage clientMetadata initialAccessToken fetch timeout now onEvent'.split(
    ' ',
  );
const LOGIN_OPTIONS_OF_MANAGER: readonly LoginOptionOfManager[] = [
  'authentication',
  'bearerTypes',
  'fetch',
  'signal',
  'now',
  'onEvent',
  'furtherResources',
  'interaction',
  'requestTimeout',
  'requirePkce',
];

/** @throws {TypeError} that names the option, if one is unknown or can't be used */
export function assertManagerOptions(options: ManagerOptions): void {
  const {
    leeway = 0,
    timeout = 1,
    interaction = 'auto',
    login = {},
    authentication = 'none',
    stepUp = 'user',
    discovery = {},
    preset,
    bearerTypes = [],
    dpop = true,
  } = options;
  const unknown = Object.keys(options).find((name) => !MANAGER_OPTION_NAMES.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`createManager has no option ${unknown}. Use ${MANAGER_OPTION_NAMES.join(', ')}.`);
  if (!(leeway >= 0)) throw new TypeError('options.leeway must be a number of milliseconds.');
  if (!(timeout > 0 && timeout <= MAX_TIMEOUT_MS))
    throw new TypeError(`options.timeout must be a number of milliseconds from 1 to ${MAX_TIMEOUT_MS}.`);
  if (!['auto', 'always', 'never'].includes(interaction))
    throw new TypeError("options.interaction must be 'auto', 'always' or 'never'.");
  if (stepUp !== 'user' && stepUp !== false && !isListOfStrings(stepUp))
    throw new TypeError("options.stepUp must be 'user', false or an array of scopes.");
  if (!isListOfStrings(bearerTypes)) throw new TypeError('options.bearerTypes must be an array of token types.');
  if (dpop !== true && dpop !== 'preferred')
    throw new TypeError("options.dpop must be true or 'preferred'. Leave it out for Bearer tokens.");
  assertStorage(options);
  assertDiscoveryOption(discovery);
  assertPreset(preset);
  assertClientOptions(options);
  // Which names there are is checked with the first request: that keeps the list out of the path of a stored token.
  if (!['string', 'function'].includes(typeof authentication))
    throw new TypeError(
      'options.authentication must be the name of a method, or a function that authenticates the client.',
    );
  const misplaced = LOGIN_OPTIONS_OF_MANAGER.find((name) => Object.hasOwn(login, name));
  if (misplaced !== undefined)
    throw new TypeError(`options.login.${misplaced} is not an option of the login alone. ${adviceFor(misplaced)}`);
  assertMethods('options.cache', options.cache, ['get', 'set', 'delete'], ['keys', 'lock', 'reserve']);
  assertClients(options.clients);
}

function assertStorage({ storage, cache }: ManagerOptions): void {
  if (storage === undefined) return;
  if (storage !== 'file' && storage !== 'keychain')
    throw new TypeError("options.storage must be 'file' or 'keychain'.");
  if (cache !== undefined)
    throw new TypeError(
      'options.storage says how the files of the manager are kept, and options.cache replaces them. Pass cache: fileTokenCache({ encryption }).',
    );
}

/** @throws {TypeError} if the option of one call is wrong: a misspelt `never` would ask the user */
export function assertCallInteraction(interaction: unknown): void {
  if (interaction !== undefined && interaction !== 'never')
    throw new TypeError("options.interaction of a call must be 'never', or absent.");
}

function assertClients(clients: ManagerOptions['clients']): void {
  if (clients === undefined) return;
  if (typeof clients !== 'object' || clients === null)
    throw new TypeError('options.clients must be an object: from issuers to clients, or a store.');
  const issuers = Object.keys(clients).filter((name) => URL.canParse(name));
  if (isClientStore(clients) || issuers.length === 0)
    return assertMethods(
      'options.clients',
      clients,
      ['lookup', 'getOrRegister', 'remove', 'list'],
      ['find', 'update', 'doubt'],
    );
  for (const [issuer, client] of Object.entries(clients)) {
    // Another URL would never match, and the program would register a client instead.
    if (!URL.canParse(issuer) || !/^https?:[^?#]+$/i.test(issuer))
      throw new TypeError(`options.clients: ${issuer} is no issuer. Use its URL.`);
    assertOwnClient(`options.clients[${JSON.stringify(issuer)}]`, client);
  }
}

function assertOwnClient(name: string, client: Client | undefined): void {
  const { client_id, client_secret, redirect_uris }: Partial<Record<keyof Client, unknown>> = client ?? {};
  if (typeof client_id !== 'string' || client_id === '')
    throw new TypeError(`${name}.client_id must be a non-empty string. Is the environment variable set?`);
  if (client_secret === '') throw new TypeError(`${name}.client_secret is empty. Is the environment variable set?`);
  if (client_secret !== undefined && typeof client_secret !== 'string')
    throw new TypeError(`${name}.client_secret must be a string.`);
  assertRedirectUris(redirect_uris, client_id, name);
}

function isListOfStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function adviceFor(name: LoginOptionOfManager): string {
  if (name === 'signal') return 'Pass it with each call.';
  if (name === 'furtherResources') return 'Pass it as a member of the credentials.';
  if (name === 'requestTimeout') return 'Pass timeout as an option of createManager: it then holds for every request.';
  if (name === 'requirePkce') return 'Pass it as a member of options.discovery.';
  return `Pass ${name} as an option of createManager: it then holds for every request.`;
}

/** A store that lacks a method would fail only after a grant has been used up. */
function assertMethods(name: string, store: unknown, required: readonly string[], optional: readonly string[]): void {
  if (store === undefined) return;
  const methods = (typeof store === 'object' && store !== null ? store : {}) as Record<string, unknown>;
  const missing = required.find((method) => typeof methods[method] !== 'function');
  if (missing !== undefined) throw new TypeError(`${name} must be a store with the methods ${required.join(', ')}.`);
  const wrong = optional.find((method) => methods[method] !== undefined && typeof methods[method] !== 'function');
  if (wrong !== undefined) throw new TypeError(`${name}.${wrong} must be a function, or absent.`);
}
