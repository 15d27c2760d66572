import type { ClientStore } from '@oa/client-store';
import type { CachedMetadata, ResourceRequirements } from '@oa/discovery';
import { createSingleFlight, type SingleFlight } from '@oa/mechanisms';
import { fileTokenCache } from '@oa/token-cache';
import {
  attempt,
  DEFAULT_LEEWAY_MS,
  openEventChannel,
  type Client,
  type KeySource,
  type OAuthEvent,
  type RequestOptions,
  type Store,
  type Token,
} from '@oa/types';
import { isSameIssuer } from '@oa/types/rfc';
import type { ClientIssuers } from './client-issuers.ts';
import { assertManagerOptions } from './assert-options.ts';
import { applyPreset } from './discovery-option.ts';
import { createEarlyRefreshes, type EarlyRefreshes } from './early-refreshes.ts';
import { isClientStore, type ManagerOptions } from './options.ts';
import type { Failures } from './failures.ts';
import { createGuesses, type Guesses } from './guesses.ts';
import { findStorageKey } from './keychain-storage.ts';
import { traceLockWaits } from './lock-waits.ts';
import { loadOnce } from './module-error.ts';
import type { RefusedDocuments } from './refused-documents.ts';
import { createRecalls, type Recalls } from './recall.ts';
import { createResilientStore, type ResilientStore } from './resilient-store.ts';
import { createBoundedStore, createSubjectStore } from './subject-store.ts';
import { toIssuer } from './target.ts';

const eventChannel = openEventChannel();

/** What all calls of one manager share. Nothing is loaded or touched before it is used. */
export interface Context {
  options: ManagerOptions;
  /** The options of every request. */
  network: RequestOptions;
  /** Milliseconds before its expiry from which a token is renewed. */
  leeway: number;
  /** Milliseconds since the epoch. */
  now: () => number;
  emit: (event: OAuthEvent) => void;
  guesses: Guesses;
  tokens: ResilientStore<Token>;
  /** Describes the tokens of the cache, also where they can't be decrypted. Absent where the cache has no such method. */
  list: (() => unknown) | undefined;
  clients: () => Promise<ClientStore>;
  /** Metadata of servers and resources: in the directory of the token cache, or in memory where that has none. */
  metadata: () => Promise<MetadataStores>;
  /** The client that the program has at an issuer, where it was registered by hand. */
  ownClient: (issuer: string) => Client | undefined;
  /** The issuers of configured clients that were used with a bare `{ resource }`. */
  clientIssuers: () => Promise<ClientIssuers>;
  /** The servers that have refused the client metadata document of the program. */
  refusedDocuments: () => Promise<RefusedDocuments>;
  /** Registrations that could not be written, by issuer. */
  unwrittenClients: Map<string, Client>;
  recalls: Recalls;
  /** At most one renewal per key. */
  renewals: SingleFlight<Token>;
  earlyRefreshes: EarlyRefreshes;
  /** Failures that the server wants to be remembered. */
  failures: () => Promise<Failures>;
  /** When this process received the tokens that it has stored, by access token. Milliseconds since the epoch. */
  issuedAt: Map<string, number>;
  /** When metadata was read anew, because an endpoint was gone or a token was refused, by address. Milliseconds since the epoch. */
  askedAgainAt: Map<string, number>;
  /** When this process read the metadata of a resource, by its URL. Milliseconds since the epoch. */
  readAt: Map<string, number>;
  /** Metadata of resources that is read anew at the moment, because a token was refused. */
  rereads: SingleFlight<ResourceRequirements>;
}

interface MetadataStores {
  servers: Store<CachedMetadata>;
  resources: Store<ResourceRequirements>;
}

export function createContext(given: ManagerOptions): Context {
  assertManagerOptions(given);
  const options = applyPreset(given);
  const { app, fetch, timeout, now = Date.now, leeway = DEFAULT_LEEWAY_MS } = options;
  const guesses = createGuesses();
  const emit = guardListener((event) => {
    const isPublished = eventChannel?.hasSubscribers === true;
    if (!isPublished && options.onEvent === undefined) return;
    const marked = guesses.mark(event);
    // First, so that a listener that throws does not keep it from the subscribers.
    if (isPublished) eventChannel.publish(marked);
    options.onEvent?.(marked);
  });
  const encryption = findStorageKey(options);
  const cache = options.cache ?? fileTokenCache({ app, encryption, onEvent: emit });
  return {
    options,
    network: { fetch, timeout, now, onEvent: emit },
    leeway,
    now,
    emit,
    guesses,
    tokens: createTokenStore(options, cache, emit),
    list: findList(cache),
    clients: loadOnce(() => loadClientStore(options, encryption, emit)),
    metadata: loadOnce(() => loadMetadataStores(cache)),
    ownClient: (issuer) => findOwnClient(options, issuer),
    clientIssuers: loadOnce(() => loadClientIssuers(options)),
    refusedDocuments: loadOnce(() => loadRefusedDocuments(cache, now)),
    unwrittenClients: new Map(),
    recalls: createRecalls(),
    renewals: createSingleFlight(),
    earlyRefreshes: createEarlyRefreshes(now),
    failures: loadOnce(() => loadFailures(cache, now)),
    issuedAt: new Map(),
    askedAgainAt: new Map(),
    readAt: new Map(),
    rereads: createSingleFlight(),
  };
}

/** The tokens of subjects are in memory, unless the caller has chosen a place for all tokens. */
function createTokenStore(options: ManagerOptions, cache: Store<Token>, emit: Context['emit']): ResilientStore<Token> {
  const tokens = createResilientStore(cache, emit);
  if (options.cache !== undefined) return traceLockWaits(tokens);
  return traceLockWaits(createSubjectStore(tokens, createResilientStore(createBoundedStore<Token>(), emit)));
}

/** A cache may have more methods than a `Store`, as `fileTokenCache` has. */
function findList(cache: Store<Token> & { list?: unknown }): Context['list'] {
  if (cache instanceof Map || typeof cache.list !== 'function') return undefined;
  return () => (cache as { list: () => unknown }).list();
}

function findOwnClient({ clients }: ManagerOptions, issuer: string): Client | undefined {
  if (clients === undefined || isClientStore(clients)) return undefined;
  const found = Object.entries(clients).find(([each]) => isSameIssuer(toIssuer(each), toIssuer(issuer)));
  return found?.[1];
}

async function loadClientStore(
  { app, clients }: ManagerOptions,
  encryption: KeySource | undefined,
  onEvent: Context['emit'],
): Promise<ClientStore> {
  if (clients !== undefined && isClientStore(clients)) return clients;
  const { fileClientStore } = await import('@oa/client-store');
  return fileClientStore({ app, encryption, onEvent });
}

/** The directory of the token cache. Without one there is nothing to report: the token cache reports it. */
async function filesDirectory(cache: Store<Token>): Promise<string | undefined> {
  const found = await attempt((async () => cache.directory?.())());
  return found.ok ? found.value : undefined;
}

async function loadMetadataStores(cache: Store<Token>): Promise<MetadataStores> {
  const { fileMetadataCache } = await import('@oa/discovery/file-cache');
  const directory = await filesDirectory(cache);
  return directory === undefined ? { servers: new Map(), resources: new Map() } : fileMetadataCache({ directory });
}

/** They are kept with the settings of the user: they are no cache. */
async function loadClientIssuers({ app, cache }: ManagerOptions): Promise<ClientIssuers> {
  const { createClientIssuers, settingsDirectory } = await import('./client-issuers.ts');
  return createClientIssuers(await (cache === undefined ? settingsDirectory(app) : filesDirectory(cache)));
}

async function loadRefusedDocuments(cache: Store<Token>, now: () => number): Promise<RefusedDocuments> {
  const { createRefusedDocuments } = await import('./refused-documents.ts');
  return createRefusedDocuments(await filesDirectory(cache), now);
}

async function loadFailures(cache: Store<Token>, now: () => number): Promise<Failures> {
  const { createFailures } = await import('./failures.ts');
  return createFailures(await filesDirectory(cache), now);
}

/** A listener that throws is a bug of the program. It is reported as one, but it must not lose a token that is about to be stored. */
function guardListener(onEvent: (event: OAuthEvent) => void): (event: OAuthEvent) => void {
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
