import { tokenKey } from '@oa/token-cache';
import type { Store } from '@oa/types';
import { expect, it } from 'vitest';
import { createResilientStore } from '../src/resilient-store.ts';
import { createBoundedStore, createSubjectStore } from '../src/subject-store.ts';

const IDENTITY = { issuer: 'https://as.example', grant_type: 'g', client_id: 'c' };
const KEY = tokenKey(IDENTITY);
const SUBJECT_KEY = tokenKey({ ...IDENTITY, subject: 'ada' });

async function keysOf(store: { keys?: (() => AsyncIterable<string>) | undefined }): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.keys?.() ?? []) keys.push(key);
  return keys;
}

it('keeps values with a subject in memory, and finds and lists those of both stores', async () => {
  const files = new Map<string, string>();
  const memory = createBoundedStore<string>();
  const ignore = (): void => {};
  const store = createSubjectStore(createResilientStore(files, ignore), createResilientStore(memory, ignore));
  await store.set(KEY, 'file');
  await store.set(SUBJECT_KEY, 'memory');
  expect([...files.keys()]).toEqual([KEY]);
  expect([await store.get(KEY), await store.get(SUBJECT_KEY)]).toEqual(['file', 'memory']);
  expect([store.peek(KEY), store.peek(SUBJECT_KEY)]).toEqual(['file', 'memory']);
  expect(await keysOf(store)).toEqual([KEY, SUBJECT_KEY]);
  await store.delete(SUBJECT_KEY);
  expect([store.peek(SUBJECT_KEY), await keysOf(store)]).toEqual([undefined, [KEY]]);
});

it('takes a member of authorization details for no subject, and lists nothing of stores that can not', async () => {
  const details = tokenKey({ ...IDENTITY, authorization_details: [{ type: 'a', subject: 'ada' }] });
  const values = new Map<string, string>();
  const plain: Store<string> = {
    get: (key) => values.get(key),
    set: (key, value) => values.set(key, value),
    delete: (key) => values.delete(key),
  };
  const memory = new Map<string, string>();
  const ignore = (): void => {};
  const store = createSubjectStore(createResilientStore(plain, ignore), createResilientStore(memory, ignore));
  await store.set(details, 'file');
  expect([values.size, memory.size, await keysOf(store)]).toEqual([1, 0, []]);
});

it('forgets the oldest of more than 100,000 subjects', async () => {
  const store = createBoundedStore<number>();
  for (let index = 0; index <= 100_000; index += 1) await store.set(String(index), index);
  expect([store.get('0'), store.get('1'), store.peek?.('100000')]).toEqual([undefined, 1, 100_000]);
});
