/** Milliseconds after a failed early refresh in which no other one is tried: a server that is down is not asked with every call. */
const EARLY_REFRESH_PAUSE_MS = 30_000;

/** Keeps track of the refreshes ahead of time, by key. */
export interface EarlyRefreshes {
  /** Whether a refresh may begin: none is under way, and the last one has not just failed. */
  begin(key: string): boolean;
  succeed(key: string): void;
  fail(key: string): void;
}

/** @param now milliseconds since the epoch */
export function createEarlyRefreshes(now: () => number): EarlyRefreshes {
  const running = new Set<string>();
  const pausedUntil = new Map<string, number>();
  return {
    begin(key) {
      if (running.has(key) || now() < (pausedUntil.get(key) ?? 0)) return false;
      running.add(key);
      return true;
    },
    succeed(key) {
      running.delete(key);
      pausedUntil.delete(key);
    },
    fail(key) {
      running.delete(key);
      pausedUntil.set(key, now() + EARLY_REFRESH_PAUSE_MS);
    },
  };
}
