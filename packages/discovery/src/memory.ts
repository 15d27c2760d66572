import type { OAuthErrorCode } from '@oa/types';
import type { CachedMetadata } from './cache.ts';
import type { DiscoverOptions } from './discover.ts';
import { LONGEST } from './lifetime.ts';
import { createShare, type Share } from './share.ts';

/** What this process knows about an issuer. */
export interface Known {
  entry: CachedMetadata;
  /** Milliseconds since the epoch at which it is asked for again. */
  until: number;
  /** The server is down, as this code says, and `entry` has expired. */
  stale?: OAuthErrorCode;
}

export interface Memory {
  known: Map<string, Known>;
  share: Share<Known>;
}

/** Issuers. Programs know a few; who lets strangers name issuers is not to run out of memory. */
const MOST = 100;
const platform = {};
const memories = new WeakMap<object, Memory>();

/** One memory for each store, and each `fetch`: what an injected one answers is nobody else's truth. */
export function memoryOf(options: DiscoverOptions): Memory {
  const owner = options.cache ?? options.fetch ?? platform;
  const memory = memories.get(owner) ?? { known: new Map(), share: createShare<Known>() };
  memories.set(owner, memory);
  return memory;
}

export function remember(memory: Memory, issuer: string, known: Known): Known {
  memory.known.delete(issuer);
  memory.known.set(issuer, known);
  for (const oldest of memory.known.keys()) {
    if (memory.known.size <= MOST) break;
    memory.known.delete(oldest);
  }
  return known;
}

/** What would stay fresh for longer than anything may was written under a clock that has since been set back. */
export function isFresh(known: Known, now: number): boolean {
  return now < known.until && known.until <= now + LONGEST * 1000;
}
