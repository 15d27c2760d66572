import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { fileClientStore, type ClientStore } from '@oa/client-store';
import type { Client, OAuthEvent } from '@oa/types';
import { afterEach, beforeEach, vi } from 'vitest';

export const ISSUER = 'https://as.example';

/** A store in a temporary directory, new for each test. */
export interface StoreFixture {
  root: string;
  /** The file of the store. */
  path: string;
  store: Required<ClientStore>;
  events: OAuthEvent[];
}

/** Creates the fixture of a test file. It is filled before each test. */
export function useStore(): StoreFixture {
  const fixture = {} as StoreFixture;
  beforeEach(() => {
    const root = temporaryDirectory();
    const path = join(root, 'config', 'registered.json');
    const events: OAuthEvent[] = [];
    const store = fileClientStore({ path, onEvent: (event) => events.push(event) });
    Object.assign(fixture, { root, path, store, events });
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(fixture.root, { recursive: true });
  });
  return fixture;
}

/** Writes the file of the store, as another program would. */
export function writeContent({ path }: StoreFixture, content: unknown): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
}

export function readContent({ path }: StoreFixture): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** A `register` function that counts its calls. */
export function countingRegister(client: Client): { register: () => Promise<Client>; count: () => number } {
  let count = 0;
  return { register: async () => ((count += 1), client), count: () => count };
}
