import { join } from 'node:path';
import type { ClientStore } from '@oa/client-store';
import type { CachedMetadata, ResourceRequirements } from '@oa/discovery';
import { fileTokenCache } from '@oa/token-cache';
import { attempt, type Client, type OAuthEvent, type RequestOptions, type Store, type Token } from '@oa/types';
import { createResilientStore } from './resilient-store.ts';
import { checkOptions, type ManagerOptions } from './options.ts';

/** What all calls of one manager share. Nothing is loaded or touched before it is used. */
export interface Context {
  options: ManagerOptions;
  /** Handed to every call that reaches the network. */
  network: RequestOptions;
  leeway: number;
  now: () => number;
  emit: (event: OAuthEvent) => void;
  cache: Required<Store<Token>>;
  clients: () => Promise<ClientStore>;
  /** What servers and resources say of themselves: on disk, unless the program keeps its tokens elsewhere. */
  remembered: () => Promise<Remembered>;
  /** Registrations that could not be written, by issuer. */
  unwrittenClients: Map<string, Client>;
  /** One renewal per key at a time. */
  flights: Map<string, Flight>;
  /** Until when a key is not refreshed ahead of time, in milliseconds since the epoch: under way is for ever, failed is for a while. */
  early: Map<string, number>;
}

export interface Flight {
  promise: Promise<Token>;
  waiting: number;
  controller: AbortController;
}

interface Remembered {
  servers: Store<CachedMetadata>;
  resources: Store<ResourceRequirements>;
}

export function createContext(options: ManagerOptions): Context {
  checkOptions(options);
  const { app = 'oa', fetch, timeout, now, onEvent, leeway = 60_000 } = options;
  const emit = guarded(onEvent);
  let clients: Promise<ClientStore> | undefined;
  let remembered: Promise<Remembered> | undefined;
  return {
    options,
    network: { ...(fetch && { fetch }), ...(timeout !== undefined && { timeout }), ...(now && { now }), onEvent: emit },
    leeway,
    now: now ?? Date.now,
    emit,
    cache: createResilientStore(options.cache ?? fileTokenCache({ app }), emit),
    clients: () => (clients ??= loadClients(app, emit, options.clients)),
    remembered: () => (remembered ??= loadRemembered(app, options.cache !== undefined)),
    unwrittenClients: new Map(),
    flights: new Map(),
    early: new Map(),
  };
}

async function loadClients(app: string, onEvent: Context['emit'], given?: ClientStore): Promise<ClientStore> {
  if (given !== undefined) return given;
  const { fileClientStore } = await import('@oa/client-store');
  return fileClientStore({ app, onEvent });
}

async function loadRemembered(app: string, inMemory: boolean): Promise<Remembered> {
  const [{ jsonStore }, { userDirectory }] = await Promise.all([
    import('@oa/discovery/file-cache'),
    import('@oa/private-file'),
  ]);
  const directory = inMemory ? undefined : await attempt((async () => userDirectory('cache', app))());
  // Without a place on disk there is nothing to tell: the token cache says it already.
  if (!directory?.ok) return { servers: new Map(), resources: new Map() };
  const of = <V>(folder: string): Store<V> => jsonStore<V>(join(directory.value, folder));
  return { servers: of('servers'), resources: of('resources') };
}

/** A listener that throws is a bug of the program: it is reported as one, but does not cost a token on its way to the disk. */
function guarded(onEvent: ((event: OAuthEvent) => void) | undefined): (event: OAuthEvent) => void {
  return (event) => {
    try {
      onEvent?.(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
