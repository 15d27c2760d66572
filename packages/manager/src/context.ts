import type { ClientStore } from '@oa/client-store';
import type { CachedMetadata, ResourceRequirements } from '@oa/discovery';
import { createSingleFlight, type SingleFlight } from '@oa/mechanisms';
import { fileTokenCache } from '@oa/token-cache';
import {
  attempt,
  DEFAULT_LEEWAY_MS,
  type Client,
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
import { loadOnce } from './module-error.ts';
import type { RefusedDocuments } from './refused-documents.ts';
import { createResilientStore, type ResilientStore } from './resilient-store.ts';
import { toIssuer } from './target.ts';

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
  clients: () => Promise<ClientStore>;
  /** Metadata of servers and resources: in files, or in memory where the program keeps its tokens in a cache of its own. */
  metadata: () => Promise<MetadataStores>;
  /** The client that the program has at an issuer, where it was registered by hand. */
  ownClient: (issuer: string) => Client | undefined;
  /** The issuers of configured clients that were used with a bare `{ resource }`. */
  clientIssuers: () => Promise<ClientIssuers>;
  /** The servers that have refused the client metadata document of the program. */
  refusedDocuments: () => Promise<RefusedDocuments>;
  /** Registrations that could not be written, by issuer. */
  unwrittenClients: Map<string, Client>;
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
  const emit = guardListener((event) => options.onEvent?.(guesses.mark(event)));
  return {
    options,
    network: { fetch, timeout, now, onEvent: emit },
    leeway,
    now,
    emit,
    guesses,
    tokens: createResilientStore(options.cache ?? fileTokenCache({ app, onEvent: emit }), emit),
    clients: loadOnce(() => loadClientStore(options, emit)),
    metadata: loadOnce(() => loadMetadataStores(options)),
    ownClient: (issuer) => findOwnClient(options, issuer),
    clientIssuers: loadOnce(() => loadClientIssuers(options)),
    refusedDocuments: loadOnce(() => loadRefusedDocuments(options, now)),
    unwrittenClients: new Map(),
    renewals: createSingleFlight(),
    earlyRefreshes: createEarlyRefreshes(now),
    failures: loadOnce(() => loadFailures(options, now)),
    issuedAt: new Map(),
    askedAgainAt: new Map(),
    readAt: new Map(),
    rereads: createSingleFlight(),
  };
}

function findOwnClient({ clients }: ManagerOptions, issuer: string): Client | undefined {
  if (clients === undefined || isClientStore(clients)) return undefined;
  const found = Object.entries(clients).find(([each]) => isSameIssuer(toIssuer(each), toIssuer(issuer)));
  return found?.[1];
}

async function loadClientStore({ app, clients }: ManagerOptions, onEvent: Context['emit']): Promise<ClientStore> {
  if (clients !== undefined && isClientStore(clients)) return clients;
  const { fileClientStore } = await import('@oa/client-store');
  return fileClientStore({ app, onEvent });
}

async function loadMetadataStores({ app, cache }: ManagerOptions): Promise<MetadataStores> {
  const { fileMetadataCache } = await import('@oa/discovery/file-cache');
  const files = cache === undefined ? await attempt((async () => fileMetadataCache({ app }))()) : undefined;
  // Without a directory there is nothing to report: the token cache reports it.
  return files?.ok ? files.value : { servers: new Map(), resources: new Map() };
}

async function loadClientIssuers({ app, cache }: ManagerOptions): Promise<ClientIssuers> {
  const { createClientIssuers } = await import('./client-issuers.ts');
  return createClientIssuers(app, cache !== undefined);
}

async function loadRefusedDocuments({ app, cache }: ManagerOptions, now: () => number): Promise<RefusedDocuments> {
  const { createRefusedDocuments } = await import('./refused-documents.ts');
  return createRefusedDocuments(app, cache !== undefined, now);
}

async function loadFailures({ app, cache }: ManagerOptions, now: () => number): Promise<Failures> {
  const { createFailures } = await import('./failures.ts');
  return createFailures(app, cache !== undefined, now);
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
