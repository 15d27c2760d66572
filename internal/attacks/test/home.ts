import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterAll, beforeAll, vi } from 'vitest';

/** Gives the managers of a test file directories of their own. They are removed after its tests. */
export function useTemporaryHome(): void {
  const directory = temporaryDirectory();
  beforeAll(() => {
    vi.stubEnv('XDG_CACHE_HOME', join(directory, 'cache'));
    vi.stubEnv('XDG_CONFIG_HOME', join(directory, 'config'));
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  });
}
