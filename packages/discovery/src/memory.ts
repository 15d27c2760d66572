import { createSingleFlight, setBounded, type SingleFlight } from '@oa/mechanisms';
import type { OAuthErrorCode } from '@oa/types';
import type { UsableMetadata } from './cached-metadata.ts';
import { MAX_METADATA_LIFETIME_SECONDS } from './lifetime.ts';
import type { ResourceRequirements } from './requirements.ts';

/** The metadata of one issuer, in the memory of this process. */
export interface KnownServer {
  entry: UsableMetadata;
  /** When the server is asked again, in milliseconds since the epoch. */
  until: number;
  /** Set while the server is down and `entry` has expired: the code of the failed request. */
  stale?: OAuthErrorCode | undefined;
}

/** The metadata that this process has found, and the lookups that are under way. */
export interface DiscoveryMemory {
  known: Map<string, KnownServer>;
  lookups: SingleFlight<KnownServer>;
  resourceLookups: SingleFlight<ResourceRequirements>;
}

/** Bounds the memory of a program that takes issuers from strangers. Other programs use a few issuers. */
const MAX_KNOWN_ISSUERS = 100;
const PLATFORM = {};
const memories = new WeakMap<object, DiscoveryMemory>();

/**
 * Returns the memory of a store or of an injected `fetch`. Each has its own: the responses of an injected `fetch` are not used for
 * calls without it.
 *
 * @param owner the store or the `fetch`; `undefined` is the platform's `fetch`
 */
export function memoryFor(owner: object = PLATFORM): DiscoveryMemory {
  const memory = memories.get(owner) ?? {
    known: new Map(),
    lookups: createSingleFlight<KnownServer>(),
    resourceLookups: createSingleFlight<ResourceRequirements>(),
  };
  memories.set(owner, memory);
  return memory;
}

/** Adds `known` to the memory, and returns it. */
export function rememberServer(memory: DiscoveryMemory, key: string, known: KnownServer): KnownServer {
  setBounded(memory.known, key, known, MAX_KNOWN_ISSUERS);
  return known;
}

/**
 * Whether `known` can be used without a request. An entry with more than the maximum lifetime left was written before the clock was
 * set back: it is not used.
 */
export function isWithinLifetime(known: KnownServer, now: number): boolean {
  return now < known.until && known.until <= now + MAX_METADATA_LIFETIME_SECONDS * 1000;
}
