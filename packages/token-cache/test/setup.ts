import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { cacheFile, fileTokenCache, tokenKey, type TokenCache } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { afterEach, beforeEach, vi } from 'vitest';

export const IDENTITY = { issuer: 'https://as.example', client_id: 'c', grant_type: 'client_credentials' };
export const KEY: string = tokenKey(IDENTITY);
export const OTHER_IDENTITY = { ...IDENTITY, client_id: 'd' };
export const OTHER_KEY: string = tokenKey(OTHER_IDENTITY);
export const TOKEN: Token = { access_token: 'at', token_type: 'Bearer', expires_at: 2_000_000_000 };

/** A cache in a temporary directory, new for each test. */
export interface CacheFixture {
  root: string;
  directory: string;
  cache: TokenCache;
  /** The file of `KEY`. */
  file: string;
}

/** Creates the fixture of a test file. It is filled before each test. */
export function useCache(): CacheFixture {
  const fixture = {} as CacheFixture;
  beforeEach(() => {
    const root = temporaryDirectory();
    const directory = join(root, 'tokens');
    const file = cacheFile(IDENTITY, { directory });
    Object.assign(fixture, { root, directory, cache: fileTokenCache({ directory }), file });
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    rmSync(fixture.root, { recursive: true });
  });
  return fixture;
}

/** What another process reads. */
export async function readElsewhere({ directory }: CacheFixture, key: string = KEY): Promise<Token | undefined> {
  return fileTokenCache({ directory }).get(key);
}

export function fileNames({ directory }: CacheFixture): string[] {
  return readdirSync(directory).toSorted();
}
