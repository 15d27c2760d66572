import type { ClientStore } from '@oa/client-store';
import type { CachedMetadata } from '@oa/discovery';
import { fileTokenCache } from '@oa/token-cache';
import type { Client, OAuthError, OAuthEvent, Options, Store, Token } from '@oa/types';
import { DEFAULT_LEEWAY, type ManagerOptions } from './options.ts';

/** What all calls of one manager share. */
export interface Context {
  options: ManagerOptions;
  /** Handed to every call that reaches the network. */
  network: Options;
  leeway: number;
  now: () => number;
  emit: (event: OAuthEvent) => void;
  cache: Store<Token>;
  clients: () => Promise<ClientStore>;
  /** Where metadata is kept: on disk, unless the program keeps its tokens elsewhere. */
  metadata: () => Promise<{ cache?: Store<CachedMetadata> }>;
  /** Tokens that could not be written: the only copy of a rotated refresh token. */
  unwritten: Map<string, Token>;
  /** The same of registrations, by issuer. */
  unwrittenClients: Map<string, Client>;
  /** One renewal per key at a time. */
  flights: Map<string, Flight>;
  /** Keys whose early refresh is under way. */
  early: Set<string>;
  /** Who waits where the store has no lock of its own. */
  queues: Map<string, Promise<unknown>>;
  /** Tells the program that the store is of no use: one event for each kind of trouble. */
  report: (error: OAuthError) => void;
}

export interface Flight {
  promise: Promise<Token>;
  waiting: number;
  controller: AbortController;
}

const NAMES = [
  'app',
  'cache',
  'clients',
  'interaction',
  'leeway',
  'login',
  'registration',
  'clientMetadataUrl',
  'fetch',
  'timeout',
  'now',
  'onEvent',
];

export function createContext(options: ManagerOptions): Context {
  checkOptions(options);
  const { app = 'oa', fetch, timeout, now, onEvent, leeway = DEFAULT_LEEWAY } = options;
  const emit = onEvent === undefined ? () => {} : guarded(onEvent);
  const reported = new Set<string>();
  let clients = options.clients;
  return {
    options,
    network: { ...(fetch && { fetch }), ...(timeout !== undefined && { timeout }), ...(now && { now }), onEvent: emit },
    leeway,
    now: now ?? Date.now,
    emit,
    cache: options.cache ?? fileTokenCache({ app }),
    clients: async () => {
      if (clients === undefined) {
        const { fileClientStore } = await import('@oa/client-store');
        clients = fileClientStore({ app });
      }
      return clients;
    },
    metadata: async () => {
      if (options.cache !== undefined) return {};
      const { fileMetadataCache } = await import('./metadata.ts');
      return { cache: fileMetadataCache(app) };
    },
    unwritten: new Map(),
    unwrittenClients: new Map(),
    flights: new Map(),
    early: new Set(),
    queues: new Map(),
    report: ({ code, message }) => {
      if (reported.has(code)) return;
      reported.add(code);
      emit({ type: 'store_unavailable', code, message });
    },
  };
}

function checkOptions(options: ManagerOptions): void {
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name))
      throw new TypeError(`unknown option of createManager: ${name}; expected one of ${NAMES.join(', ')}`);
  }
  for (const name of ['leeway', 'timeout'] as const) {
    const value = options[name];
    if (value !== undefined && !(typeof value === 'number' && value >= 0))
      throw new TypeError(`options.${name} must be a number of milliseconds`);
  }
  if (!['auto', 'always', 'never', undefined].includes(options.interaction)) {
    throw new TypeError('options.interaction must be auto, always or never');
  }
}

/** A listener that throws is a bug of the program: it is reported as one, but does not cost a token on its way to the disk. */
function guarded(onEvent: (event: OAuthEvent) => void): (event: OAuthEvent) => void {
  return (event) => {
    try {
      onEvent(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

/** Codes that say the store, not the server, is the problem. */
export function isStoreError(error: OAuthError): boolean {
  return [
    'storage_unavailable',
    'insecure_token_cache_permissions',
    'insecure_file_permissions',
    'newer_file_format',
    'corrupt_file',
  ].includes(error.code);
}
